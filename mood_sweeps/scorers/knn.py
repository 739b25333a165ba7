"""Distance to the k-th nearest train feature (Sun et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.checks import defined, features_of, train_features_of
from mood_sweeps.scorers.rows import by_rows, row_blocks
from mood_sweeps.scorers.scorer import Scores, State

__all__ = ["KNN"]

# Similarities held at once, 64 MB: bounds the memory whatever the number of train rows.
_SIMILARITIES = 2**24


@dataclass(frozen=True)
class KNN:
    """s = −‖x̂ − x̂_(k)‖₂², x̂ = x / ‖x‖₂ and x̂_(k) its k-th nearest among the train features.

    Exact search. The squared distance ranks like the distance itself. It is computed as
    2 − 2·cos in float32, as faiss does: absolute error about 1e-6. A zero feature has no
    direction and is taken as orthogonal to all (squared distance 2).
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs_head: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = False

    k: Annotated[int, Field(gt=0)] = 50

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the unit train features (N, D), float32; Undefined if they are fewer than k."""
        del head
        features = train_features_of(train)
        if not 0 < self.k <= len(features):
            raise Undefined(f"there is no {self.k}-th neighbour among {len(features)} features")
        return {"train": _unit_length(features)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        train = state["train"]
        features = features_of(bank, width=train.shape[1])
        place = len(train) - self.k

        def block(rows: slice) -> Scores:
            cosines = _unit_length(features[rows]) @ train.T
            cosines.partition(place, axis=1)
            return np.minimum(2 * cosines[:, place].astype(np.float64) - 2, 0)

        return defined(by_rows(len(features), block, block=max(1, _SIMILARITIES // len(train))))


def _unit_length(features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    unit = np.empty(features.shape, dtype=np.float32)
    for rows in row_blocks(len(features)):
        wide = features[rows].astype(np.float64)
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        unit[rows] = wide / np.where(lengths == 0, 1, lengths)
    return unit
