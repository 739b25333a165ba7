from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mood_sweeps.bank import FeatureBank, Head


class Case(NamedTuple):
    train: FeatureBank
    test: FeatureBank
    head: Head


def make_case(n: int = 300, d: int = 16, c: int = 5, seed: int = 0) -> Case:
    """A seeded train bank, a test bank (half of it shifted away) and the head of both."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=1.5, size=(c, d))
    head = Head(
        rng.normal(scale=0.4, size=(c, d)).astype(np.float32),
        rng.normal(scale=0.5, size=c).astype(np.float32),
    )

    def bank(size: int, shift: float) -> FeatureBank:
        labels = np.concatenate([np.arange(c), rng.integers(0, c, size - c)])
        noise = rng.normal(size=(size, d)) * np.linspace(0.2, 2, d)
        x = np.maximum(centres[labels] + noise + shift, -0.5).astype(np.float32)
        return FeatureBank(x, labels, x @ head.weight.T + head.bias)

    train, near, far = bank(n, 0), bank(n // 3, 0), bank(n // 3, 1.0)
    test = FeatureBank(
        np.concatenate([near.features, far.features]),
        np.concatenate([near.labels, far.labels]),
        np.concatenate([near.logits, far.logits]),
    )
    return Case(train, test, head)
