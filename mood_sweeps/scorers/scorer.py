"""The contract of a scorer: learn a state from ID features, give every sample a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head

__all__ = ["FAMILIES", "FITS_ON", "NEEDS", "SPLIT_OF", "LearnsNothing", "Scorer", "Scores", "State"]

State = Mapping[str, npt.NDArray[Any]]
Scores = npt.NDArray[np.float64]

FAMILIES = ("probability", "logit", "feature", "hybrid", "gradient", "reconstruction", "training")
"""What a score is computed from."""

NEEDS = ("labels", "logits", "head", "detector", "network", "decoder")
"""What a scorer may need beside features: labels of the bank it learns from, logits of every
bank, the head (logits come with it), the detector that was trained beside the head, the network
and its input images, the decoder that reconstructs images from the network's tokens."""

SPLIT_OF = {"id_train": "train", "id_val": "val"}
"""The splits of the ID set by the names that a scorer's ``fits_on`` has for them."""

FITS_ON = tuple(SPLIT_OF)
"""The ID splits that a scorer may learn from."""


class Scorer(ABC):
    """A frozen dataclass of parameters; ``fit`` returns what it learns and keeps nothing.

    version: bumped by hand when the same input gives other numbers.
    family: one of ``FAMILIES``.
    needs: those of ``NEEDS`` that it requires.
    fits_on: the split that ``fit`` learns from. Where an ID set has no validation split, a scorer
        that should learn from it learns from the train split, and its rows have a note.
    learns_nothing: whether a score is a function of the sample alone, so that ``fit`` needs no
        labels and no logits.
    pooled_form: for a scorer that shapes maps, the name of the scorer that does the same to
        pooled features, where there is no network.

    Random numbers come from a generator seeded by a parameter: equal input, equal numbers.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    version: ClassVar[int]
    family: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    fits_on: ClassVar[str] = "id_train"
    learns_nothing: ClassVar[bool] = False
    pooled_form: ClassVar[str | None] = None

    @abstractmethod
    def fit(self, bank: FeatureBank, head: Head | None) -> State:
        """Learn from ID features; plain arrays only, so that a state is stored as it is.

        All arrays are C-contiguous: matrix products of another layout differ in their last bits,
        and a state read back from the store must give exactly the same scores.
        Raises Undefined where the score is not defined for this data, InputError where labels,
        logits or a head that the scorer needs are missing.
        """

    @abstractmethod
    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution, always finite (or Undefined)."""

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Return what a reader of this bank's scores has to know, one short sentence each.

        An example is a setting that does not fit the data. Notes depend on the state and the bank
        alone, so that a stored state gives the same notes: ``fit`` puts what only it can see into
        the state.
        """
        del state, bank
        return ()


class LearnsNothing(Scorer):
    """A scorer that learns nothing: its score depends on the sample alone, its state is empty."""

    learns_nothing: ClassVar[bool] = True

    def fit(self, bank: FeatureBank, head: Head | None) -> State:
        """Return the empty state."""
        del bank, head
        return {}
