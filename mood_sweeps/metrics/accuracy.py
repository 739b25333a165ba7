"""Accuracy: how often the predicted class is the true one."""

from __future__ import annotations

import numpy as np

from mood_sweeps.bank import Ints
from mood_sweeps.errors import InputError, Undefined

__all__ = ["accuracy"]


def accuracy(predictions: Ints, labels: Ints) -> float:
    """Return the fraction of predictions (N,) that equal labels (N,), in [0, 1].

    Raises Undefined without samples, InputError for different lengths.
    """
    if predictions.shape != labels.shape:
        raise InputError(f"there are {predictions.shape} predictions for {labels.shape} labels")
    if len(labels) == 0:
        raise Undefined("the accuracy of no samples is not defined")
    return float(np.mean(predictions == labels))
