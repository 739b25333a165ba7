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
from mood_sweeps.scorers.numeric.nearest_neighbours import Points, search
from mood_sweeps.scorers.numeric.neighbour_spaces import direction_points
from mood_sweeps.scorers.numeric.rank_correlation import rank_correlation
from mood_sweeps.scorers.numeric.softmax import log_normalizer
from mood_sweeps.scorers.numeric.unit_features import unit_rows
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import (
    none_of_a_class,
    other_seeds,
    some_rows,
    too_many_neighbours,
)

__all__ = ["NNGuide", "NNGuideOpenOOD", "NNGuidePytorchOOD"]


class _GuidedEnergy(Scorer):
    """The score of all variants, which differ in the train samples that guide.

    State: train features (m, D) and energy (m,), float64, of those samples, and counts (C,), int64:
    how many of them are predicted as each class.
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

        found = search(
            direction_points(features), Points(len(train), guides), min(self.k, len(train))
        )
        guided: Scores = found.similarities.mean(axis=1, dtype=np.float64)
        return log_normalizer(bank) * guided

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a k beyond what there is or above half of a class, and classes without a guide."""
        del bank
        if "counts" not in state:  # stored before there were notes
            return ()
        counts, guides = state["counts"], len(state["train"])
        members = int(np.median(counts[counts > 0]))
        if self.k > guides:
            neighbours = [f"k={self.k} is more than the {guides} guiding images: all count"]
        else:
            neighbours = [*too_many_neighbours(self.k, members, "guiding images")]
        unguided = int(np.count_nonzero(counts == 0))
        return (*neighbours, *none_of_a_class(unguided, len(counts), "have no guiding image"))


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
        """Return the features and energies of α·N train samples, at least 1; and agreement (),
        float64: the rank correlation of the scores of up to 256 train samples with those by guides
        of another seed.
        """
        del head
        state, agreement = self._guiding(train, self.seed), 1.0
        if len(state["train"]) < len(train):
            other = self._guiding(train, [self.seed, 1])
            some = _part(train, some_rows(len(train)))
            agreement = rank_correlation(self._scores(state, some), self._scores(other, some))
        return {**state, "agreement": np.asarray(agreement)}

    def _guiding(self, train: FeatureBank, seed: int | list[int]) -> State:
        drawn = np.random.default_rng(seed).permutation(len(train))
        return _guiding(train, np.sort(drawn[: _size(self.alpha, len(train))]))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note what another seed's guides do, beside what all variants note."""
        drawn = f"{len(state['train'])} random guiding images"
        return (*super().notes(state, bank), *other_seeds(state, drawn))


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


def _part(train: FeatureBank, rows: slice | npt.NDArray[np.intp]) -> FeatureBank:
    features, logits = train_features_of(train), train_logits_of(train)
    return FeatureBank(features[rows], np.zeros(0, dtype=np.int64), logits[rows])


def _guiding(train: FeatureBank, rows: slice | npt.NDArray[np.intp]) -> State:
    part = _part(train, rows)
    logits = train_logits_of(part)
    return {
        "train": np.ascontiguousarray(part.features),
        "energy": log_normalizer(part),
        "counts": np.bincount(logits.argmax(axis=1), minlength=logits.shape[1]),
    }
