"""Where the predicted ID classes of a representation come from."""

from __future__ import annotations

from mood_sweeps.bank import FeatureBank, Head, Ints
from mood_sweeps.metrics import nearest_class_mean, predict

__all__ = [
    "HEAD",
    "NEAREST_CLASS_MEAN",
    "NO_PREDICTIONS",
    "predicted_classes",
    "source_of_predictions",
]

HEAD, NEAREST_CLASS_MEAN, NO_PREDICTIONS = "head", "nearest class mean", "none"


def source_of_predictions(*, has_logits: bool, has_labels: bool) -> str:
    """Return what predicts the classes of features that a user brings.

    has_logits: whether ID test has logits, of its own or by a head. has_labels: whether ID train
    has labels.
    """
    if has_logits:
        return HEAD
    return NEAREST_CLASS_MEAN if has_labels else NO_PREDICTIONS


def predicted_classes(
    source: str,
    bank: FeatureBank,
    train: FeatureBank,
    head: Head | None,
    classes: int | None = None,
) -> Ints | None:
    """Return the predicted ID class of every image of a bank, int64 (N,); None where none is.

    source: one of the three above. classes: how many there are, where the head may have more
    outputs. Raises Undefined for NaN or infinite logits or features.
    """
    if source == HEAD:
        return None if bank.logits is None and head is None else predict(bank, head, classes)
    return nearest_class_mean(train, bank) if source == NEAREST_CLASS_MEAN else None
