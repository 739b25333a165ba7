"""Distance to the k-th nearest train feature (Sun et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.bank_statistics import digest, feature_mean
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of, train_features_of
from mood_sweeps.scorers.numeric.neighbour_search import (
    Vectors,
    centre_of_alike,
    direction_points,
    kth_squared_distances,
    query_points,
    shared_search,
    target_points,
)
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import by_rows, row_blocks, row_products, unit_rows
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_counts, neighbour_count_notes, stored_count

__all__ = ["KNN", "KNNPytorchOOD", "KNNRaw", "neighbour_notes", "neighbour_state"]


@dataclass(frozen=True)
class KNN(Scorer):
    """s = −‖x̂ − x̂_(k)‖₂², x̂ = x / ‖x‖₂ and x̂_(k) its k-th nearest among the train features.

    Sun et al. (2022), who find unit length to be critical and take k = 50 for CIFAR-10. The squared
    distance orders samples like the distance. OpenOOD computes the same number: the 1e-10 that it
    adds to every component of x̂ cancels in the difference.

    Exact search: the neighbour is the k-th up to the rounding of float32 cosines (1e-7), its
    distance is float64. Directions that are nearly equal are compared relative to their mean. A
    zero feature has no direction and is taken as orthogonal to all (squared distance 2). Cost: N·D
    a sample, once for all k up to 256.
    """

    version: ClassVar[int] = 3
    family: ClassVar[str] = "feature"

    k: Annotated[int, Field(gt=0)] = 50

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the ``neighbour_state``, and where the directions of train features are nearly
        equal their centre (D,) and scale (); Undefined if there are fewer than k features.
        """
        del head
        state = neighbour_state(train, self.k)
        return {**state, **centre_of_alike(state["train"])}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-_squared_chords(state, bank, self.k))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a k above half of a class."""
        del bank
        return neighbour_notes(state, self.k)


@dataclass(frozen=True)
class KNNPytorchOOD(KNN):
    """s = −‖x̂ − x̂_(k)‖₂: as ``knn``, not squared, as pytorch-ood 0.4.0 computes it.

    In pytorch-ood a zero feature is the origin (distance 1); here it is orthogonal to all.
    """

    version: ClassVar[int] = 2

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-np.sqrt(_squared_chords(state, bank, self.k)))


@dataclass(frozen=True)
class KNNRaw(Scorer):
    """s = −‖x − x_(k)‖₂², x_(k) the k-th nearest among the train features as they are.

    The ablation of Sun et al. (2022) without unit length; with k = 1, pytorch-ood before 0.4, which
    does not square it. The neighbour is the k-th up to the rounding of float32 products of centred
    features, its distance is float64. Cost N·D a sample, once for all k up to 256.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"

    k: Annotated[int, Field(gt=0)] = 50

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the ``neighbour_state``, the features' mean (D,) and largest deviation ()."""
        del head
        state = neighbour_state(train, self.k)
        centre, features = feature_mean(train), state["train"]
        scale = max(float(np.abs(features[b] - centre).max()) for b in row_blocks(len(features)))
        return {**state, "centre": centre, "scale": np.asarray(scale if scale > 0 else 1.0)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        train, centre, scale = state["train"], state["centre"], float(state["scale"])
        features = features_of(bank, width=len(centre))

        def centred(points: Floats) -> Vectors:
            return lambda rows: np.subtract(points[rows], centre, dtype=np.float64)

        queries, targets = centred(features), centred(train)
        neighbours = shared_search(
            bank,
            ("raw", state["name"].tobytes()),
            query_points(len(features), queries, scale),
            target_points(len(train), targets, scale),
            self.k,
        )
        return defined(-kth_squared_distances(neighbours, self.k, queries, targets))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a k above half of a class."""
        del bank
        return neighbour_notes(state, self.k)


def neighbour_state(train: FeatureBank, k: int) -> State:
    """Return ``train``, the train features (N, D), not a copy; ``name``, 16 bytes, their hash; and
    ``class_size`` (), int64, the median number of them in a class.

    Searches among the same features share their results by this name, also after the state was
    stored and read. Raises Undefined if there are fewer than ``k`` features.
    """
    features = np.ascontiguousarray(train_features_of(train))
    if not 0 < k <= len(features):
        raise Undefined(f"there is no {k}-th neighbour among {len(features)} features")
    name = once_per_bank(train, "name of the features", lambda: digest(features))
    return {
        "train": features,
        "name": np.frombuffer(name, dtype=np.uint8),
        "class_size": np.asarray(int(np.median(class_counts(train)))),
    }


def neighbour_notes(state: State, k: int) -> tuple[str, ...]:
    """Note a ``k`` above half of a class of the train features."""
    return neighbour_count_notes(k, stored_count(state, "class_size"), "ID train images")


def _squared_chords(state: State, bank: FeatureBank, k: int) -> Scores:
    """Return ‖x̂ − x̂_(k)‖₂² = 2 − 2·cos of every sample, float64 (N,)."""
    train = state["train"]
    features = features_of(bank, width=train.shape[1])
    if "centre" in state:
        return _chords_about_the_mean(state, bank, features, k)
    space = "directions", state["name"].tobytes()
    neighbours = shared_search(bank, space, direction_points(features), direction_points(train), k)
    kth = neighbours.indices[:, k - 1]

    def block(rows: slice) -> Scores:
        cosines = row_products(unit_rows(features[rows]), unit_rows(train[kth[rows]]))
        return np.maximum(2 - 2 * cosines, 0)

    return by_rows(len(features), block)


def _chords_about_the_mean(state: State, bank: FeatureBank, features: Floats, k: int) -> Scores:
    """As ``_squared_chords``, computed from the directions' differences to their mean."""
    train, centre, scale = state["train"], state["centre"], float(state["scale"])

    def vectors(points: Floats) -> Vectors:
        return lambda rows: unit_rows(points[rows]) - centre

    queries, targets = vectors(features), vectors(train)
    neighbours = shared_search(
        bank,
        ("directions about", state["name"].tobytes()),
        query_points(len(features), queries, scale),
        target_points(len(train), targets, scale),
        k,
    )
    squared = kth_squared_distances(neighbours, k, queries, targets)
    # A zero feature has no direction and is taken as orthogonal to all.
    squared[~features.any(axis=1) | ~train[neighbours.indices[:, k - 1]].any(axis=1)] = 2
    return squared
