"""Notes that several scorers share: about settings or features that they are not made for.

Each function returns the notes that apply, and an empty tuple where none does.
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
    "class_notes",
    "evenly_spread_rows",
    "few_images_for_axes",
    "few_numbers_for_quantiles",
    "negative_feature_notes",
    "neighbour_count_notes",
    "other_seed_notes",
    "percentile_notes",
    "small_class_notes",
    "small_cluster_notes",
    "stored_count",
]

# How many train images measure the noise of a random draw.
_MEASURED = 256
# Two draws with at least this rank correlation order images alike.
_SAME_ORDER = 0.99

# The mean of fewer images than this follows each single image: that is no cluster.
_FEW = 10

Notes = tuple[str, ...]
Counts = npt.NDArray[np.int64]


def class_counts(train: FeatureBank) -> Counts:
    """Return how many images each class that occurs has, int64 (C,).

    Classes are the labels, or else the largest logits; without both all images are one class.
    """
    if len(train.labels) == len(train):
        classes = train.labels
    elif train.logits is not None:
        classes = train.logits.argmax(axis=1)
    else:
        classes = np.zeros(len(train), dtype=np.int64)
    return np.unique(classes, return_counts=True)[1].astype(np.int64)


def stored_count(state: State, name: str) -> int | None:
    """Return a count that ``fit`` stored; None in a state that is older than the note."""
    return int(state[name]) if name in state else None


def negative_feature_notes(bank: FeatureBank) -> Notes:
    """Note features below zero, for a score that is made for features after a ReLU."""

    def compute() -> bool:
        return bool(bank.features.min(initial=0) < 0)

    if not once_per_bank(bank, "negative features", compute):
        return ()
    return ("some features are negative: this score was made for those after a ReLU",)


def percentile_notes(width: int, percentile: float) -> Notes:
    """Note a percentile of a sample's activations that leaves less than one of them."""
    if width * (100 - percentile) / 100 >= 1:
        return ()
    return (f"percentile={percentile:g} leaves less than one of {width} activations: one is kept",)


def neighbour_count_notes(k: int, members: int | None, of: str) -> Notes:
    """Note a k above half of a class: the k-th neighbour is then likely of another class.

    members: the median number of images of a class among which neighbours are searched; None if
    unknown. of: what these images are, for the message.
    """
    if members is None or k <= members / 2:
        return ()
    return (f"k={k} is more than half of a class ({members} {of})",)


def few_numbers_for_quantiles(count: int | None, quantiles: Iterable[float], of: str) -> Notes:
    """Note quantiles that lie outside all of ``count`` numbers but the first or the last."""
    if count is None:
        return ()
    beyond = {q for q in quantiles if 0 < q < 1 and count * min(q, 1 - q) < 1}
    return tuple(f"{count} {of} are too few for the quantile {q:g}" for q in sorted(beyond))


def small_cluster_notes(k: int, count: int | None, what: str) -> Notes:
    """Note clusters or components (``what``) with fewer than ten images each on average."""
    if count is None or count >= _FEW * k:
        return ()
    return (f"k={k} {what} share {count} images, {count / k:.2g} each",)


def small_class_notes(counts: Counts | None, width: int) -> Notes:
    """Note classes with no more images than dimensions, where each class has its own covariance."""
    if counts is None:
        return ()
    few = counts[counts <= width]
    if not len(few):
        return ()
    return (
        f"{len(few)} of {len(counts)} classes have too few images (median {int(np.median(few))}) "
        f"for a covariance of {width} dimensions of their own",
    )


def few_images_for_axes(count: int | None, width: int) -> Notes:
    """Note principal axes that are computed from no more images than dimensions."""
    if count is None or count > width:
        return ()
    return (f"principal axes of {width} dimensions from {count} images",)


def evenly_spread_rows(count: int) -> npt.NDArray[np.intp]:
    """Return up to 256 row indices, evenly spread over ``count`` rows, to measure agreement on."""
    return np.unique(np.linspace(0, count - 1, min(count, _MEASURED)).astype(np.intp))


def other_seed_notes(state: State, drawn: str) -> Notes:
    """Note that another seed would order images differently.

    The state's ``agreement`` (), float64, is the rank correlation between the scores of some train
    images by this draw and by another. drawn: what is drawn, for the message.
    """
    agreement = float(state.get("agreement", 1.0))
    if not agreement < _SAME_ORDER:  # NaN where all scores are one value
        return ()
    return (
        f"{drawn}: scores of ID train images by another seed's have a rank correlation of "
        f"{agreement:.2f} with these",
    )


def class_notes(missing: int, classes: int, what: str) -> Notes:
    """Note that ``what`` holds for ``missing`` of ``classes`` classes."""
    return (f"{missing} of {classes} classes {what}",) if missing else ()
