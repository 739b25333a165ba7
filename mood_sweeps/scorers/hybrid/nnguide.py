"""NNGuide: energy guided by the nearest train features (Park et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.checks import defined, features_of, train_features_of, train_logits_of
from mood_sweeps.scorers.numeric.neighbours import Points, search
from mood_sweeps.scorers.numeric.softmax import log_normalizer
from mood_sweeps.scorers.numeric.spaces import direction_points
from mood_sweeps.scorers.numeric.unit_features import unit_rows
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["NNGuide", "NNGuideOpenOOD", "NNGuidePytorchOOD"]


class _GuidedEnergy(Scorer):
    """The score of all variants, which differ in the train samples that guide.

    State: features (m, D) and energies (m,), float64, of those samples.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    k: int

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        train, energy = state["train"], state["energy"]
        features = features_of(bank, width=train.shape[1])

        def guides(rows: slice) -> npt.NDArray[np.float32]:
            return (unit_rows(train[rows]) * energy[rows, None]).astype(np.float32)

        found = search(
            direction_points(features), Points(len(train), guides), min(self.k, len(train))
        )
        return defined(log_normalizer(bank) * found.similarities.mean(axis=1, dtype=np.float64))


@dataclass(frozen=True)
class NNGuide(_GuidedEnergy):
    """s = E(x) · mean of the k largest ⟨x̂, E(x_i) x̂_i⟩, E = log Σ_c exp(z_c), x̂ = x / ‖x‖₂.

    Park et al. (2023); i runs over a share ``alpha`` of the train features, and k is at most their
    number. The share is drawn at random by ``seed``, as the paper has it, so that it knows all
    classes whatever the order of the train set. The defaults are OpenOOD's, and the share is the
    paper's for ImageNet. Cost α·N·D a sample.
    """

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.01
    k: Annotated[int, Field(gt=0)] = 100
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the features and energies of α·N train samples, at least 1."""
        del head
        drawn = np.random.default_rng(self.seed).permutation(len(train))
        return _guiding(train, np.sort(drawn[: _size(self.alpha, len(train))]))


@dataclass(frozen=True)
class NNGuideOpenOOD(_GuidedEnergy):
    """As ``nnguide`` over the first α·N train features, as OpenOOD takes them.

    Where the train set is ordered by class, those know a few classes only. (OpenOOD takes whole
    batches until they are more than α·N; a bank knows no batches.)
    """

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.01
    k: Annotated[int, Field(gt=0)] = 100

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the features and energies of the first α·N train samples, at least 1."""
        del head
        return _guiding(train, slice(_size(self.alpha, len(train))))


@dataclass(frozen=True)
class NNGuidePytorchOOD(_GuidedEnergy):
    """As ``nnguide`` over all train features with k = 10, as pytorch-ood 0.4.0 computes it."""

    k: Annotated[int, Field(gt=0)] = 10

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the features and energies of all train samples; Undefined if fewer than k."""
        del head
        state = _guiding(train, slice(None))
        if not 0 < self.k <= len(train):
            raise Undefined(f"there are no {self.k} neighbours among {len(train)} features")
        return state


def _size(alpha: float, count: int) -> int:
    return max(1, round(alpha * count))


def _guiding(train: FeatureBank, rows: slice | npt.NDArray[np.intp]) -> State:
    features, logits = train_features_of(train), train_logits_of(train)
    part = FeatureBank(features[rows], np.zeros(0, dtype=np.int64), logits[rows])
    return {"train": np.ascontiguousarray(part.features), "energy": log_normalizer(part)}
