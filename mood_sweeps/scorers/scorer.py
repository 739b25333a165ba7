"""The contract of a scorer: learn a state from ID features, give every sample a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head

__all__ = ["FAMILIES", "FITS_ON", "NEEDS", "LearnsNothing", "Scorer", "Scores", "State"]

State = Mapping[str, npt.NDArray[Any]]
Scores = npt.NDArray[np.float64]

FAMILIES = ("probability", "logit", "feature", "hybrid", "gradient", "reconstruction", "training")
"""What a score looks at."""

NEEDS = ("labels", "logits", "head", "detector", "network", "decoder")
"""What a scorer may need beside features: labels of the bank it learns from, logits of every
bank, the head (which brings logits with it), the detector that was trained beside it, the network
and its input images, the decoder that makes images of what the network sees."""

FITS_ON = ("id_train", "id_val")
"""The ID splits that a scorer may learn from."""


class Scorer(ABC):
    """A frozen dataclass of parameters; what it learns is returned as a value, never kept.

    version: bumped by hand when the same input gives other numbers.
    family: one of ``FAMILIES``.
    needs: which of ``NEEDS`` it cannot do without.
    fits_on: the split that ``fit`` is given. Where an ID set has no validation split, a scorer
        that asks for it learns from the train split, and its rows say so.
    learns_nothing: whether a score is a function of the sample alone, so that ``fit`` needs no
        labels and no logits.
    pooled_form: of a scorer that shapes maps, the name of the one that does the same to pooled
        features, where there is no network.

    Random numbers come from a generator seeded by a parameter: the same input, the same numbers.
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
        and a state read back from the store is to give the very same scores.
        Raises Undefined where this data gives the scorer no defined value, InputError where
        needed labels, logits or a needed head are missing.
        """

    @abstractmethod
    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution, always finite (or Undefined)."""

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Return what a reader of this bank's scores has to know, a short sentence each.

        Such as a setting that does not fit the data. It follows from the state, which keeps what
        only ``fit`` can see, and the bank alone, so that a stored state says the same.
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
