"""Features that do not vary in some direction, but for the rounding of the network's float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from tests.support.scorer_cases import Array, Case, live

WIDTH, CLASSES = 32, 5
KINDS = ("LayerNorm", "LayerNorm without bias", "a constant dimension", "ten directions")
RANKS = dict(zip(KINDS, (WIDTH - 1, WIDTH - 1, WIDTH - 1, 10), strict=True))
"""In how many directions features of each kind vary."""


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    """Return LayerNorm in float32: Σ_j (x_j − bias_j) / weight_j is 0 but for rounding."""
    x = x.astype(np.float32)
    x -= x.mean(axis=1, keepdims=True)
    normed: Array = x / np.sqrt((x**2).mean(axis=1, keepdims=True)) * weight + bias
    return normed


def rounded_case(kind: str, rounding: float = 0.0, columns_first: bool = False) -> Case:
    """Return a case of one kind. rounding: relative deviation that is added to every feature.

    columns_first: whether the network's last layer sums in another order.
    """
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(CLASSES, WIDTH))
    weight = rng.uniform(0.5, 1.5, WIDTH).astype(np.float32)
    bias = rng.normal(size=WIDTH).astype(np.float32)
    few = rng.normal(size=(WIDTH, 10)) @ rng.normal(size=(10, WIDTH)) / 10
    shift = rng.normal(size=WIDTH)
    head = Head(
        rng.normal(scale=0.4, size=(CLASSES, WIDTH)).astype(np.float32),
        rng.normal(size=CLASSES).astype(np.float32),
        rng.normal(size=WIDTH + 1).astype(np.float32),
    )
    last: dict[str, Callable[[Array], Array]] = {
        "LayerNorm": lambda x: layer_norm(x, weight, bias),
        "LayerNorm without bias": lambda x: layer_norm(x, weight, np.zeros_like(bias)),
        "a constant dimension": lambda x: np.hstack([x[:, 1:], np.full((len(x), 1), 100.0)]),
        "ten directions": lambda x: x.astype(np.float32) @ few.astype(np.float32),
    }

    def bank(size: int, moved: float) -> FeatureBank:
        labels = np.concatenate([np.arange(CLASSES), rng.integers(0, CLASSES, size - CLASSES)])
        noise = rng.normal(size=(size, WIDTH)) * np.linspace(0.3, 1.5, WIDTH)
        x = centres[labels] + noise + moved * shift
        features = last[kind](np.asfortranarray(x) if columns_first else x)
        other = np.random.default_rng(5).normal(size=features.shape)
        features = np.ascontiguousarray(features * (1 + rounding * other), dtype=np.float32)
        return live(FeatureBank(features, labels, features @ head.weight.T + head.bias), head)

    train, test = bank(600, 0), bank(150, 1)
    return Case(train, test, head)
