"""GROOD: nearest neighbours among gradients at an OOD prototype (ElAraby et al., 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.knn import neighbour_notes, neighbour_state
from mood_sweeps.scorers.numeric.bank_statistics import class_means, digest, feature_mean
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    train_features_of,
    train_labels_of,
)
from mood_sweeps.scorers.numeric.neighbour_search import (
    kth_squared_distances,
    query_points,
    shared_search,
    target_points,
)
from mood_sweeps.scorers.numeric.rows import row_blocks, row_products, unit_rows
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["GROOD"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GROOD(Scorer):
    """s = −‖g(x) − g_(k)‖₂², g(x) = p₀(x) · (x − P₀) / ‖x − P₀‖₂, g_(k) the k-th nearest of train.

    ElAraby et al. (2025). P_c is the mean train feature of class c and P₀ an OOD prototype; p is
    the softmax of −‖x − P‖₂ over P₀ and all P_c. g(x) is the gradient with respect to P₀ of the
    nearest-prototype loss −log p_ŷ(x), the same for whichever class ŷ: no autograd needed.

    Differences to the authors, because a bank holds no images:
    - P₀ is the mean of ``noise`` vectors drawn by ``seed``, every dimension independently from a
      normal distribution with the mean and variance of the train features there: each dimension
      is like that of a feature, but the vector belongs to no class. (The authors pass images of
      noise, or mixed images, through the network.)
    - The neighbours are correctly classified train samples, as in the paper, but classified by the
      nearest P_c, so that no head is needed.
    - The search is exact; that of the authors is approximate (an inverted file), with k = 1.
    Cost: N·D a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("labels",)

    k: Annotated[int, Field(gt=0)] = 1
    noise: Annotated[int, Field(gt=0)] = 100
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return prototypes (C + 1, D), float64, P₀ last; the train features (N, D) and
        their name; and correct (M,), int64: the indices of those classified correctly.

        Raises Undefined where M < k.
        """
        del head
        features, labels = train_features_of(train), train_labels_of(train)
        _, index = np.unique(labels, return_inverse=True)
        _, means = class_means(features, index)
        prototypes = np.vstack([means, _noise_prototype(train, self.noise, self.seed)])
        nearest = np.concatenate(
            [
                _distances(features[rows], prototypes[:-1]).argmin(axis=1)
                for rows in row_blocks(len(features))
            ]
        )
        correct = np.flatnonzero(nearest == index)
        if len(correct) < self.k:
            raise Undefined(
                f"there is no {self.k}-th neighbour among the {len(correct)} train features that "
                "are nearest to the mean of their own class"
            )
        return {**neighbour_state(train, self.k), "prototypes": prototypes, "correct": correct}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,) in [−4, 0], higher = more in-distribution."""
        train, prototypes, correct = state["train"], state["prototypes"], state["correct"]
        features = features_of(bank, width=prototypes.shape[1])

        def queries(rows: slice | npt.NDArray[np.integer]) -> Float64s:
            return _gradients(features[rows], prototypes)

        def targets(rows: slice | npt.NDArray[np.integer]) -> Float64s:
            return _gradients(train[correct[rows]], prototypes)

        neighbours = shared_search(
            bank,
            ("gradients", state["name"].tobytes(), digest(prototypes), digest(correct)),
            query_points(len(features), queries, scale=1.0),
            target_points(len(correct), targets, scale=1.0),
            self.k,
        )
        return defined(-kth_squared_distances(neighbours, self.k, queries, targets))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a k above half of a class."""
        del bank
        return neighbour_notes(state, self.k)


def _gradients(features: Floats, prototypes: Float64s) -> Float64s:
    """Return the gradient with respect to the last prototype of every feature, float64 (n, D)."""
    share = np.exp(log_softmax(-_distances(features, prototypes))[:, -1])
    gradients: Float64s = unit_rows(features - prototypes[-1]) * share[:, None]
    return gradients


def _distances(features: Floats, prototypes: Float64s) -> Float64s:
    """Return ‖x − P‖₂ of all pairs, float64 (n, C)."""
    # Relative to the mean prototype, squares are not much larger than their differences.
    origin = prototypes.mean(axis=0)
    points, centres = features - origin, prototypes - origin
    squares = row_products(points, points)[:, None] + row_products(centres, centres)
    distances: Float64s = np.sqrt(np.maximum(squares - 2 * (points @ centres.T), 0))
    return distances


def _noise_prototype(train: FeatureBank, noise: int, seed: int) -> Float64s:
    """Return the mean of ``noise`` vectors with the train features' mean and variance, (D,)."""
    features, mean = train.features, feature_mean(train)
    squares = np.zeros(len(mean))
    for rows in row_blocks(len(features)):
        squares += ((features[rows] - mean) ** 2).sum(axis=0)
    deviation: Float64s = np.sqrt(squares / len(features))
    drawn = np.random.default_rng(seed).standard_normal((noise, len(mean)))
    prototype: Float64s = mean + deviation * drawn.mean(axis=0)
    return prototype
