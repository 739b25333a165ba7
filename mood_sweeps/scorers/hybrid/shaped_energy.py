"""The energy of features that are reshaped (pruned, clipped, scaled) before the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.numeric.array_device import product_with
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import Scores, State

__all__ = ["Shape", "Shaped", "head_state", "shaped_energy"]


class Shaped(NamedTuple):
    """Rows after shaping: their features are ``scale · features``.

    features: (n, D), with the dtype of the input. scale: float64 (n, 1), or None for 1.
    """

    features: Floats
    scale: npt.NDArray[np.float64] | None = None


Shape = Callable[[Floats], Shaped]


def head_state(train: FeatureBank, head: Head | None) -> State:
    """Return weight (C, D) and bias (C,) of the head, in its dtype.

    Raises what ``train_features_of`` and ``head_of`` raise.
    """
    head = head_of(head, train_features_of(train).shape[1])
    return {
        "weight": np.ascontiguousarray(head.weight),
        "bias": np.ascontiguousarray(head.bias),
    }


def shaped_energy(state: State, bank: FeatureBank, shape: Shape) -> Scores:
    """Return log Σ_c exp(a · W x′ + b)_c, float64 (N,), where ``shape`` maps x to (x′, a).

    W x′ is a matrix product in the wider dtype of features and weights; in float32 it is as exact
    as the logits of the network (about 1e-6). Scaled logits, which can be huge, are float64.
    Raises Undefined where a score is not finite.
    """
    features = features_of(bank, width=state["weight"].shape[1])
    dtype = np.result_type(features, state["weight"], np.float32)
    product, bias = product_with(state["weight"].astype(dtype).T), state["bias"].astype(dtype)

    def block(rows: slice) -> Scores:
        shaped = shape(features[rows])
        logits = product(shaped.features)
        if shaped.scale is not None:
            logits = shaped.scale * logits.astype(np.float64)
        logits += bias
        return log_sum_exp(logits)

    # ``defined`` refuses scores that overflowed, with a clear message.
    with np.errstate(over="ignore", invalid="ignore"):
        return defined(by_rows(len(features), block))
