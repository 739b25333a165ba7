"""The confusion table of one number: which OOD classes pass as which ID classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Ints
from mood_sweeps.errors import Undefined
from mood_sweeps.metrics import accepted_confusion

__all__ = ["confusion_table"]

MOST_CLASS_PAIRS = 10_000
"""Most pairs of an OOD and an ID class in the table of classes without names: a larger one is
unreadable, and a hundred scorers' tables of 1,000 × 1,000 classes would fill a database."""


def confusion_table(
    id_scores: npt.NDArray[np.float64],
    ood_scores: npt.NDArray[np.float64],
    ood: FeatureBank,
    predictions: Ints | None,
    ood_classes: tuple[str, ...],
    id_classes: tuple[str, ...],
) -> dict[str, Any]:
    """Return accepted OOD images by true OOD class and predicted ID class, and images by class.

    predictions: the predicted ID class of every OOD image, None where nothing predicts it.
    Classes without names (the empty tuple) are called by their numbers, those that occur.
    Raises Undefined where there can be no such table.
    """
    if predictions is None:
        raise Undefined("nothing predicts the ID classes of the OOD set")
    if len(ood.labels) == 0 or ood.labels.min() < 0:
        raise Undefined("the labels of the OOD set are unknown")
    labels = ood.labels
    if not ood_classes:
        ood_classes, labels = _numbered(labels)
    if not id_classes:
        id_classes, predictions = _numbered(predictions)
        if len(ood_classes) * len(id_classes) > MOST_CLASS_PAIRS:
            raise Undefined(
                f"{len(ood_classes):,} OOD classes and {len(id_classes):,} ID classes make more "
                f"than {MOST_CLASS_PAIRS:,} pairs"
            )
    counts = accepted_confusion(
        id_scores, ood_scores, labels, predictions, len(ood_classes), len(id_classes)
    )
    return {
        "ood_classes": list(ood_classes),
        "id_classes": list(id_classes),
        "accepted": counts.tolist(),
        "n_ood_class": np.bincount(labels, minlength=len(ood_classes)).tolist(),
    }


def _numbered(labels: Ints) -> tuple[tuple[str, ...], Ints]:
    """Return the classes that occur, by their numbers as text, and labels that count them."""
    occurring, places = np.unique(labels, return_inverse=True)
    return tuple(map(str, occurring.tolist())), places
