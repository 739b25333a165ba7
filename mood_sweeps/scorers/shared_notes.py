"""What several scorers note alike: settings and features that they were not made for.

Each function returns the notes that apply, none where all is well.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.scorer import State

__all__ = [
    "class_counts",
    "few_a_cluster",
    "few_a_covariance",
    "few_for_axes",
    "few_for_quantiles",
    "kept_count",
    "negative_features",
    "none_of_a_class",
    "other_seeds",
    "overpruned",
    "some_rows",
    "too_many_neighbours",
]

# Train images by which the noise of a random draw is measured.
_SOME = 256
# From this rank correlation on, two draws order images alike.
_SAME_ORDER = 0.99

# Fewer images than this are no cluster: their mean follows each of them.
_FEW = 10

Notes = tuple[str, ...]
Counts = npt.NDArray[np.int64]


def class_counts(train: FeatureBank) -> Counts:
    """Return how many images each class that occurs has, int64 (C,).

    By the labels; where these are unknown, by the largest logit; without logits all are one class.
    """
    if len(train.labels) == len(train):
        classes = train.labels
    elif train.logits is not None:
        classes = train.logits.argmax(axis=1)
    else:
        classes = np.zeros(len(train), dtype=np.int64)
    return np.unique(classes, return_counts=True)[1].astype(np.int64)


def kept_count(state: State, name: str) -> int | None:
    """Return a number that ``fit`` kept; None where the state is older than the note."""
    return int(state[name]) if name in state else None


def negative_features(bank: FeatureBank) -> Notes:
    """Note features below zero, for a score made for those that a ReLU leaves."""

    def compute() -> bool:
        return bool(bank.features.min(initial=0) < 0)

    if not once_per_bank(bank, "negative features", compute):
        return ()
    return ("some features are negative: this score was made for those after a ReLU",)


def overpruned(width: int, percentile: float) -> Notes:
    """Note a percentile of a sample's activations that leaves less than one of them."""
    if width * (100 - percentile) / 100 >= 1:
        return ()
    return (f"percentile={percentile:g} leaves less than one of {width} activations: one is kept",)


def too_many_neighbours(k: int, members: int | None, of: str) -> Notes:
    """Note a k-th neighbour that is likely of another class: k above half of a class.

    members: the median number of neighbours to choose from in a class; None if unknown. of: what
    they are.
    """
    if members is None or k <= members / 2:
        return ()
    return (f"k={k} is more than half of a class ({members} {of})",)


def few_for_quantiles(count: int | None, quantiles: Iterable[float], of: str) -> Notes:
    """Note quantiles that lie beyond all of ``count`` numbers but the outermost."""
    if count is None:
        return ()
    beyond = {q for q in quantiles if 0 < q < 1 and count * min(q, 1 - q) < 1}
    return tuple(f"{count} {of} are too few for the quantile {q:g}" for q in sorted(beyond))


def few_a_cluster(k: int, count: int | None, what: str) -> Notes:
    """Note clusters or components that have few images each."""
    if count is None or count >= _FEW * k:
        return ()
    return (f"k={k} {what} share {count} images, {count / k:.2g} each",)


def few_a_covariance(counts: Counts | None, width: int) -> Notes:
    """Note classes with no more images than dimensions, each of which has a covariance."""
    if counts is None:
        return ()
    few = counts[counts <= width]
    if not len(few):
        return ()
    return (
        f"{len(few)} of {len(counts)} classes have too few images (median {int(np.median(few))}) "
        f"for a covariance of {width} dimensions of their own",
    )


def few_for_axes(count: int | None, width: int) -> Notes:
    """Note principal axes of features that are no more than their dimensions."""
    if count is None or count > width:
        return ()
    return (f"principal axes of {width} dimensions from {count} images",)


def some_rows(count: int) -> npt.NDArray[np.intp]:
    """Return up to 256 places of so many rows, evenly spread, to measure ``agreement`` on."""
    return np.unique(np.linspace(0, count - 1, min(count, _SOME)).astype(np.intp))


def other_seeds(state: State, drawn: str) -> Notes:
    """Note how far what another seed draws would order images otherwise.

    The state's agreement (), float64, is the rank correlation of the scores of some train images
    with those by another draw. drawn: what is drawn.
    """
    agreement = float(state.get("agreement", 1.0))
    if not agreement < _SAME_ORDER:  # NaN where all scores are one value
        return ()
    return (
        f"{drawn}: scores of ID train images by another seed's have a rank correlation of "
        f"{agreement:.2f} with these",
    )


def none_of_a_class(missing: int, classes: int, what: str) -> Notes:
    """Note that ``missing`` of so many classes have nothing to learn from; what: and so."""
    return (f"{missing} of {classes} classes {what}",) if missing else ()
