"""CF-OOD: the size of the train samples' neighbourhoods that contain x (Angiulli et al.)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import product_with
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of, train_features_of
from mood_sweeps.scorers.numeric.neighbour_search import centre_of_alike
from mood_sweeps.scorers.numeric.rank_correlation import rank_correlation
from mood_sweeps.scorers.numeric.rows import by_rows, row_blocks, row_squares, unit_rows
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import evenly_spread_rows, other_seed_notes

__all__ = ["CFOOD"]

Float32s = npt.NDArray[np.float32]

# Distances in memory at once, 4 MB. The block size affects the numbers: the last bits of a matrix
# product depend on where a block ends.
_BLOCK_SIZE = 2**20

FRACTIONS = np.concatenate(
    [np.linspace(0.001, 0.1, 100), np.linspace(0.105, 0.5, 81), np.linspace(0.51, 0.99, 49)]
)
"""Sizes of neighbourhoods, as shares of the references; finest where ID samples are."""


@dataclass(frozen=True)
class CFOOD(Scorer):
    """s = −κ, the least share κ such that x is a κ·m-nearest neighbour of k·m reference samples.

    The concentration-free outlier factor (CFOF; Angiulli, 2020), which CF-OOD applies to unit
    features (Angiulli, Fassetti and Zupi, 2025): x counts as a neighbour of a reference sample r
    where ‖x̂ − r̂‖ is at most the distance from r to its own ⌊κ·m⌋-th neighbour (at least its
    first). The m references are a share ``alpha`` of the train features drawn by ``seed``, at least
    2. κ is one of 230 shares, 0.001 to 0.99, as in the authors' code in OpenOOD; 1 where all are
    too small. Directions that are nearly equal are compared relative to their mean.
    Cost m·D a sample; m²·D to fit.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.1
    k: Annotated[float, Field(gt=0, le=1)] = 0.01
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return references (m, D) of unit length, shares (G + 1,) and radii (G, m); and agreement
        (), float64: the rank correlation of the scores of up to 256 train samples with their
        scores by the references of another seed.

        radii: squared distance of every reference to its own neighbour at each of the G shares; the
        last share is 1, beyond all radii. Where directions are nearly equal also centre (D,) and
        scale (): references are then (x̂ − centre) / scale, and squared distances in scale².
        Undefined with fewer than two train features.
        """
        del head
        features = train_features_of(train)
        if len(features) < 2:
            raise Undefined("a single train feature has no neighbours")
        size = max(2, int(self.alpha * len(features)))
        space = centre_of_alike(features)
        state = self._references(features, size, self.seed, space)
        agreement = 1.0
        if size < len(features):
            other = self._references(features, size, [self.seed, 1], space)
            sample = features[evenly_spread_rows(len(features))]
            agreement = rank_correlation(self._scores(state, sample), self._scores(other, sample))
        return {**state, "agreement": np.asarray(agreement)}

    def _references(
        self, features: Floats, size: int, seed: int | list[int], space: State
    ) -> State:
        drawn = np.random.default_rng(seed).permutation(len(features))[:size]
        references = _points(features[np.sort(drawn)], space)
        # The authors' order of operations: another order rounds to other ranks.
        ranks = 1 + (FRACTIONS * size - 1).astype(np.intp)
        ranks, first = np.unique(ranks, return_index=True)
        radii = np.empty((len(ranks), size), dtype=np.float32)
        distances = _distances_to(references, space)
        for rows in row_blocks(size, _block(size)):
            # Rank 0 is the reference itself.
            radii[:, rows] = np.sort(distances(references[rows]), axis=1)[:, ranks].T
        shares = np.append(FRACTIONS[first], 1)
        return {"references": references, "shares": shares, "radii": radii, **space}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,) in [−1, 0), higher = more in-distribution."""
        return defined(self._scores(state, features_of(bank, width=state["references"].shape[1])))

    def _scores(self, state: State, features: Floats) -> Scores:
        references, shares, radii = state["references"], state["shares"], state["radii"]
        distances = _distances_to(references, state)

        def block(rows: slice) -> Scores:
            points = _points(features[rows], state)
            return -shares[self._least(distances(points), radii)]

        return by_rows(len(features), block, block=_block(len(references)))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a share of less than one reference sample, and scores that depend on the seed."""
        del bank
        size = len(state["references"])
        notes = other_seed_notes(state, f"{size} random reference images")
        if self.k * size >= 1:
            return notes
        few = f"k={self.k:g} of {size} reference images is less than one: one is enough"
        return (few, *notes)

    def _least(self, distances: Float32s, radii: Float32s) -> npt.NDArray[np.intp]:
        """Return the index of the first row of ``radii`` that contains enough ``distances``, (b,).

        Radii grow from row to row, so the first is found by bisection, for all samples at once.
        """
        low = np.zeros(len(distances), dtype=np.intp)
        high = np.full(len(distances), len(radii), dtype=np.intp)
        while (low < high).any():
            middle = (low + high) // 2
            within = distances <= radii[np.minimum(middle, len(radii) - 1)]
            share = np.count_nonzero(within, axis=1) / distances.shape[1]
            enough = (share >= self.k) | (low == high)
            low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
        return low


def _points(features: Floats, space: State) -> Float32s:
    """Return x̂ of features, float32 (n, D); (x̂ − centre) / scale where ``space`` has these."""
    directions = unit_rows(features)
    if "centre" in space:
        directions -= space["centre"]
        directions /= space["scale"]
    return directions.astype(np.float32)


def _distances_to(references: Float32s, space: State) -> Callable[[Float32s], Float32s]:
    """Return a function from points (n, D) to ‖x̂ − r̂‖₂² for all references, float32 (n, m).

    Without a centre this is 2 − 2·cos, which is 2 for zero features.
    """
    product = product_with(references.T)
    squares = row_squares(references).astype(np.float32) if "centre" in space else np.float32(2)

    def distances(points: Float32s) -> Float32s:
        squared: Float32s = product(points)
        squared *= -2
        squared += squares
        if "centre" in space:
            squared += row_squares(points).astype(np.float32)[:, None]
        return np.maximum(squared, 0, out=squared)

    return distances


def _block(references: int) -> int:
    return max(1, _BLOCK_SIZE // references)
