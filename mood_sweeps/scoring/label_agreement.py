"""Whether labels and head mean the same classes: ID accuracy, and what speaks against it.

Labels in another order than the head's classes give wrong numbers in every scorer that uses both,
and no error. What shows it is which class each label is predicted as most: where that is another
one for several labels, each of its own, the order differs. It is found on one half of the images
and counted on the other, as by chance some class is predicted most, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head, Ints
from mood_sweeps.metrics import accuracy, nearest_class_mean, predict

__all__ = ["Accuracy", "Agreement", "accuracy_of", "agreement_of", "column_order"]

_LEAST_GAIN = 0.01  # of all images: below it, two classes that are alike may well be confused
_FEWEST_WRONG = 4  # images, of labels that are all one class
_SHOWN = 6


@dataclass(frozen=True)
class Accuracy:
    """How often the labels of one ID set are predicted, in [0, 1].

    split: ``train``, ``val`` or ``test``. n: number of images. by: what predicts, ``head`` or
    ``nearest class mean of ID train``. disagreement: what speaks against labels and predictions
    meaning the same classes, or None.
    """

    split: str
    n: int
    value: float
    by: str
    disagreement: str | None

    def warning(self, said: str) -> str:
        """Return a warning about the labels of this set."""
        return f"the labels of ID {self.split} and the {self.by} disagree: {said}"


@dataclass(frozen=True)
class Agreement:
    """The accuracies of the ID sets that have labels, and by split what speaks against labels."""

    accuracies: tuple[Accuracy, ...] = ()
    warnings: Mapping[str, str] = field(default_factory=dict)


def agreement_of(accuracies: Iterable[Accuracy | None]) -> Agreement:
    """Return how the labels of several ID sets agree with what predicts, and with each other.

    accuracies: of `accuracy_of`, ID train first.
    """
    known = tuple(one for one in accuracies if one is not None)
    warnings = {one.split: one.warning(one.disagreement) for one in known if one.disagreement}
    return Agreement(known, warnings or _far_apart(known))


def accuracy_of(
    split: str, bank: FeatureBank, train: FeatureBank, head: Head | None
) -> Accuracy | None:
    """Return how the labels of one ID set agree with what predicts; None where nothing can.

    Predictions are those of the bank's logits, or of the head; where there is neither, of the means
    of ID train's classes, which show whether the labels of two sets are in the same order.
    """
    if not len(bank.labels):
        return None
    if bank.logits is not None or head is not None:
        predictions, by = predict(bank, head), "head"
    elif bank is not train and len(train.labels):
        predictions, by = nearest_class_mean(train, bank), "nearest class mean of ID train"
    else:
        return None
    value = accuracy(predictions, bank.labels)
    return Accuracy(split, len(bank), value, by, _disagreement(predictions, bank.labels))


def column_order(given: npt.NDArray[np.floating], expected: npt.NDArray[np.floating]) -> Ints:
    """Return which column of ``expected`` (n, C) each column of ``given`` (n, C) is nearest to."""
    squared = (given.astype(np.float64) ** 2).sum(axis=0)[:, np.newaxis]
    products = given.T.astype(np.float64) @ expected.astype(np.float64)
    distances = squared - 2 * products + (expected.astype(np.float64) ** 2).sum(axis=0)
    nearest: Ints = distances.argmin(axis=1)
    return nearest


def _disagreement(predictions: Ints, labels: Ints) -> str | None:
    """Return what speaks against labels and predictions meaning the same classes, or None."""
    n, right = len(labels), int((predictions == labels).sum())
    known, of_label = np.unique(labels, return_counts=True)
    if len(known) < 2:
        return _one_class(int(known[0]), n, right)
    order = np.argsort(labels, kind="stable")
    halves = order[::2], order[1::2]
    gain = sum(
        _gain(_moved(predictions[one], labels[one]), predictions[other], labels[other])
        for one, other in (halves, halves[::-1])
    )
    moved = _moved(predictions, labels)
    if len(moved) > 1 and gain >= max(4, _LEAST_GAIN * n):
        listed = ", ".join(f"{label} as {other}" for label, other in list(moved.items())[:_SHOWN])
        more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
        return (
            f"accuracy is {right / n:.1%}, and would be about {(right + gain) / n:.1%} with the "
            f"classes in another order: label {listed}{more}"
        )
    said, of_said = np.unique(predictions, return_counts=True)
    both, at, at_said = np.intersect1d(known, said, return_indices=True)
    chance = float((of_label[at] / n) @ (of_said[at_said] / n)) if len(both) else 0.0
    if right / n <= chance + 2 * (chance * (1 - chance) / n) ** 0.5:
        return f"accuracy is {right / n:.1%}, no better than chance ({chance:.1%})"
    return None


def _one_class(label: int, n: int, right: int) -> str | None:
    """Return what speaks against labels that are all one class, or None."""
    wrong = n - right
    if wrong < _FEWEST_WRONG or wrong <= n / 2:
        return None
    return f"all {n} labels are {label}, and {wrong / n:.1%} of the predictions are other classes"


def _moved(predictions: Ints, labels: Ints) -> dict[int, int]:
    """Return the labels that are mostly predicted as another class, and as which, each its own."""
    pairs, counts = np.unique(np.stack([labels, predictions]), axis=1, return_counts=True)
    stay = {int(one): int(n) for one, to, n in zip(*pairs, counts, strict=True) if one == to}
    moved: dict[int, int] = {}
    taken: set[int] = set()
    for at in np.argsort(-counts, kind="stable"):
        label, other = map(int, pairs[:, at])
        if label in moved or other in taken or counts[at] <= 2 * stay.get(label, 0):
            continue
        if label != other:
            moved[label] = other
            taken.add(other)
    return dict(sorted(moved.items()))


def _gain(moved: dict[int, int], predictions: Ints, labels: Ints) -> int:
    """Return how many more predictions are right if each of these labels means its other class."""
    if not moved:
        return 0
    known = np.fromiter(moved, np.int64)
    others = np.fromiter(moved.values(), np.int64)
    at = np.minimum(np.searchsorted(known, labels), len(known) - 1)
    there = known[at] == labels
    right_then = int((predictions == others[at])[there].sum())
    return right_then - int((predictions == labels)[there].sum())


def _far_apart(found: Sequence[Accuracy]) -> dict[str, str]:
    """Return a warning for each set with less than half of the best set's accuracy."""
    if len(found) < 2:
        return {}
    best = max(found, key=lambda one: one.value)
    return {
        one.split: one.warning(
            f"accuracy is {one.value:.1%}, and {best.value:.1%} on ID {best.split}"
        )
        for one in found
        if one.value + 3 * (0.25 / one.n) ** 0.5 < best.value and one.value < best.value / 2
    }
