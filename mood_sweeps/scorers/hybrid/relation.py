"""Relation: sum over train samples with similar features and predictions (Kim et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    logits_of,
    train_features_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.rows import row_blocks, row_products, unit_rows
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["Relation"]

Float32s = npt.NDArray[np.float32]
Index = slice | npt.NDArray[np.intp]

# Train samples are normalised once per pass over this many samples, and compared in tiles of 1 MB.
# Both affect the numbers: the last bits of a matrix product depend on where a block ends.
SWEEP, TILE = 16384, 512
# Relations this near to the threshold, far above float32 rounding, are recomputed in float64.
DOUBTFUL = 1e-5


@dataclass(frozen=True)
class Relation(Scorer):
    """s = Σ_i r_i^pow [r_i > threshold], r_i = max(0, cos(x, x_i)) · ⟨p, p_i⟩, p = softmax z.

    Kim et al. (2023), over all train samples i, with the threshold of the official code and of
    OpenOOD. Relations are float32, but float64 within 1e-5 of the threshold, so that rounding drops
    no sample. Cost: N·(D + C) a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    pow: Annotated[float, Field(gt=0)] = 1.0
    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.03

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return features (N, D) and logits (N, C), the train set unchanged."""
        del head
        return {
            "features": np.ascontiguousarray(train_features_of(train)),
            "logits": np.ascontiguousarray(train_logits_of(train)),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        train = _Samples(state["features"], state["logits"])
        samples = _Samples(
            features_of(bank, width=train.features.shape[1]),
            logits_of(bank, classes=train.logits.shape[1]),
        )
        scores = np.zeros(len(bank))
        for sweep in row_blocks(len(bank), SWEEP):
            part = _Samples(samples.features[sweep], samples.logits[sweep])
            self._add(scores[sweep], part, train)
        return defined(scores)

    def _add(self, scores: Scores, samples: _Samples, train: _Samples) -> None:
        """Add to ``scores`` the relations of ``samples`` to all of ``train``."""
        on = device()
        blocks = [
            (rows, [on.send(points) for points in samples.points(rows)])
            for rows in row_blocks(len(scores), TILE)
        ]
        for tile in row_blocks(len(train.features), TILE):
            directions, probabilities = (on.send(points) for points in train.points(tile))
            for rows, (own_directions, own_probabilities) in blocks:
                cosines = own_directions @ directions.T
                cosines *= own_probabilities @ probabilities.T
                relations = on.fetch(cosines)
                doubtful = np.nonzero(np.abs(relations - np.float32(self.threshold)) < DOUBTFUL)
                relations[relations <= self.threshold] = 0
                exact = samples.relations(doubtful[0] + rows.start, train, doubtful[1] + tile.start)
                relations[doubtful] = np.where(exact > self.threshold, exact, 0)
                if self.pow != 1:
                    relations **= np.float32(self.pow)
                # NumPy adds a tile's row pairwise in float32; tiles are added in float64.
                scores[rows] += relations.sum(axis=1)


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples to compare: features (N, D) and logits (N, C)."""

    features: Floats
    logits: Floats

    def points(self, rows: slice) -> tuple[Float32s, Float32s]:
        """Return x / ‖x‖₂ and softmax z of some rows, float32."""
        directions, probabilities = self._wide(rows)
        return directions.astype(np.float32), probabilities.astype(np.float32)

    def relations(
        self, rows: npt.NDArray[np.intp], others: _Samples, columns: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float64]:
        """Return the relations of some pairs, float64 (pairs,)."""
        directions, probabilities = self._wide(rows)
        other_directions, other_probabilities = others._wide(columns)
        cosines = np.maximum(row_products(directions, other_directions), 0)
        return cosines * row_products(probabilities, other_probabilities)

    def _wide(self, rows: Index) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return unit_rows(self.features[rows]), np.exp(log_softmax(self.logits[rows]))
