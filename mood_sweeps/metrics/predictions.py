"""The predicted ID class of every sample, with a head or without, and the accuracy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head, Ints
from mood_sweeps.errors import InputError, Undefined

__all__ = ["accuracy", "nearest_class_mean", "predict"]

_BLOCK = 4096


def predict(
    bank: FeatureBank, head: Head | None, classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Return the class of the largest logit, int64 (N,), the lowest class where they tie.

    classes: the number of classes, where the head may have more outputs (as after
    ``ft:one_class``): outputs without a class are never predicted. Uses the bank's logits where it
    has them, else features @ weight.T + bias. Raises InputError where there is neither (see
    ``nearest_class_mean``), Undefined for NaN or infinite logits.
    """
    logits = bank.logits
    if logits is None:
        if head is None:
            raise InputError("a representation without a head predicts no class")
        logits = head.logits(bank.features)
    predicted: npt.NDArray[np.int64] = _finite(logits, "logits")[:, :classes].argmax(axis=1)
    return predicted


def nearest_class_mean(train: FeatureBank, bank: FeatureBank) -> npt.NDArray[np.int64]:
    """Return the train label with the nearest mean feature (Euclidean), int64 (N,).

    The prediction of a headless representation; rows name it. Only classes that occur in ``train``
    are predicted; the lowest where they tie. Raises Undefined without train features or
    for NaN or infinite ones.
    """
    known = _finite(train.features, "train features")
    if len(known) == 0:
        raise Undefined("there are no train features to take class means of")
    features = _finite(bank.features, "features")
    classes = np.unique(train.labels)
    means = np.stack(
        [known[train.labels == label].mean(axis=0, dtype=np.float64) for label in classes]
    )
    # Centred, so that the expanded square does not subtract large numbers.
    centre = means.mean(axis=0)
    means -= centre
    lengths = np.einsum("ij,ij->i", means, means)
    nearest = np.empty(len(features), dtype=np.int64)
    for start in range(0, len(features), _BLOCK):
        rows = slice(start, start + _BLOCK)
        nearest[rows] = (lengths - 2 * (features[rows] - centre) @ means.T).argmin(axis=1)
    return classes[nearest].astype(np.int64)


def _finite(values: Floats, name: str) -> Floats:
    if not np.isfinite(values).all():
        raise Undefined(f"{name} contain NaN or infinity")
    return values


def accuracy(predictions: Ints, labels: Ints) -> float:
    """Return the fraction of predictions (N,) that equal labels (N,), in [0, 1].

    Raises Undefined without samples, InputError for different lengths.
    """
    if predictions.shape != labels.shape:
        raise InputError(f"there are {predictions.shape} predictions for {labels.shape} labels")
    if len(labels) == 0:
        raise Undefined("the accuracy of no samples is not defined")
    return float(np.mean(predictions == labels))
