"""NNGuide: energy guided by the nearest train features (Park et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    train_features_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.neighbour_search import Points, direction_points, search
from mood_sweeps.scorers.numeric.rank_correlation import rank_correlation
from mood_sweeps.scorers.numeric.rows import unit_rows
from mood_sweeps.scorers.numeric.softmax import log_normalizer
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import (
    class_notes,
    evenly_spread_rows,
    neighbour_count_notes,
    other_seed_notes,
)

__all__ = ["NNGuide", "NNGuideOpenOOD", "NNGuidePytorchOOD"]


class _GuidedEnergy(Scorer):
    """The score of all variants, which differ in their guiding train samples.

    State: train features (m, D) and energy (m,), float64, of the guiding samples, and counts (C,),
    int64: how many of them are predicted as each class.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    k: int

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(self._scores(state, bank))

    def _scores(self, state: State, bank: FeatureBank) -> Scores:
        train, energy = state["train"], state["energy"]
        features = features_of(bank, width=train.shape[1])

        def guides(rows: slice) -> npt.NDArray[np.float32]:
            return (unit_rows(train[rows]) * energy[rows, None]).astype(np.float32)

        neighbours = search(
            direction_points(features), Points(len(train), guides), min(self.k, len(train))
        )
        guided: Scores = neighbours.similarities.mean(axis=1, dtype=np.float64)
        return log_normalizer(bank) * guided

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a k above the number of guides or half of a class, and classes without a guide."""
        del bank
        if "counts" not in state:  # a state from before notes existed
            return ()
        counts, guides = state["counts"], len(state["train"])
        members = int(np.median(counts[counts > 0]))
        if self.k > guides:
            k_notes = [f"k={self.k} is more than the {guides} guiding images: all count"]
        else:
            k_notes = [*neighbour_count_notes(self.k, members, "guiding images")]
        unguided = int(np.count_nonzero(counts == 0))
        return (*k_notes, *class_notes(unguided, len(counts), "have no guiding image"))


@dataclass(frozen=True)
class NNGuide(_GuidedEnergy):
    """s = E(x) · mean of the k largest ⟨x̂, E(x_i) x̂_i⟩, E = log Σ_c exp(z_c), x̂ = x / ‖x‖₂.

    Park et al. (2023); i runs over a share ``alpha`` of the train features, and k is at most their
    number. The share is drawn at random by ``seed``, as in the paper, so that it covers all classes
    for any order of the train set. The defaults are OpenOOD's, and the share is the paper's for
    ImageNet. Cost: α·N·D a sample.
    """

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.01
    k: Annotated[int, Field(gt=0)] = 100
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the features and energies of α·N train samples, at least 1; and agreement (),
        float64: the rank correlation of the scores of up to 256 train samples with their scores by
        guides of another seed.
        """
        del head
        state, agreement = self._draw(train, self.seed), 1.0
        if len(state["train"]) < len(train):
            other = self._draw(train, [self.seed, 1])
            sample = _subset(train, evenly_spread_rows(len(train)))
            agreement = rank_correlation(self._scores(state, sample), self._scores(other, sample))
        return {**state, "agreement": np.asarray(agreement)}

    def _draw(self, train: FeatureBank, seed: int | list[int]) -> State:
        drawn = np.random.default_rng(seed).permutation(len(train))
        return _guides(train, np.sort(drawn[: _size(self.alpha, len(train))]))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note an order that depends on the seed, beside the notes of all variants."""
        drawn = f"{len(state['train'])} random guiding images"
        return (*super().notes(state, bank), *other_seed_notes(state, drawn))


@dataclass(frozen=True)
class NNGuideOpenOOD(_GuidedEnergy):
    """As ``nnguide`` over the first α·N train features, as in OpenOOD.

    Where the train set is ordered by class, these are of a few classes only. (OpenOOD takes whole
    batches until they are more than α·N; a bank has no batches.)
    """

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.01
    k: Annotated[int, Field(gt=0)] = 100

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the features and energies of the first α·N train samples, at least 1."""
        del head
        return _guides(train, slice(_size(self.alpha, len(train))))


@dataclass(frozen=True)
class NNGuidePytorchOOD(_GuidedEnergy):
    """As ``nnguide`` over all train features with k = 10, as pytorch-ood 0.4.0 computes it."""

    k: Annotated[int, Field(gt=0)] = 10

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the features and energies of all train samples; Undefined if fewer than k."""
        del head
        state = _guides(train, slice(None))
        if not 0 < self.k <= len(train):
            raise Undefined(f"there are no {self.k} neighbours among {len(train)} features")
        return state


def _size(alpha: float, count: int) -> int:
    return max(1, round(alpha * count))


def _subset(train: FeatureBank, rows: slice | npt.NDArray[np.intp]) -> FeatureBank:
    features, logits = train_features_of(train), train_logits_of(train)
    return FeatureBank(features[rows], np.zeros(0, dtype=np.int64), logits[rows])


def _guides(train: FeatureBank, rows: slice | npt.NDArray[np.intp]) -> State:
    subset = _subset(train, rows)
    logits = train_logits_of(subset)
    return {
        "train": np.ascontiguousarray(subset.features),
        "energy": log_normalizer(subset),
        "counts": np.bincount(logits.argmax(axis=1), minlength=logits.shape[1]),
    }
