"""The contract of a scorer: learn a state from train features, give every sample a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head

__all__ = ["LearnsNothing", "Scorer", "Scores", "State"]

State = Mapping[str, npt.NDArray[Any]]
Scores = npt.NDArray[np.float64]


class Scorer(Protocol):
    """A frozen dataclass of parameters; what it learns is returned as a value, never kept.

    version: bumped by hand when the same input gives other numbers.
    family: "probability", "logit", "feature", "hybrid" or "gradient".
    needs_head: it cannot serve a representation without a linear classifier.
    uses_seed: it draws random numbers.
    """

    version: ClassVar[int]
    family: ClassVar[str]
    needs_head: ClassVar[bool]
    uses_seed: ClassVar[bool]

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Learn from ID train features; plain arrays only, so that a state is stored as it is.

        All arrays are C-contiguous: matrix products of another layout differ in their last bits,
        and a state read back from the store is to give the very same scores.
        Raises Undefined where this data gives the scorer no defined value, InputError where a
        needed head or logits are missing.
        """
        ...

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution, always finite (or Undefined)."""
        ...


class LearnsNothing:
    """A scorer whose score is a function of the sample alone: its state is empty."""

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the empty state."""
        del train, head
        return {}
