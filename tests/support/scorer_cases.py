from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.scorer import Scorer

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class PlainNetwork:
    """A network with every gradient known by hand: features are its pixels, logits the head's.

    Inputs are (n, 1, 1, D). Its first block makes a map (n, D, 1, 2) of them: channel j holds twice
    pixel j at one of the positions, pairs of channels in turns, and 0 at the other, so that the
    mean over positions is the pixel. Its second block doubles the map.
    """

    head: Head | None
    std: Array = field(default_factory=lambda: np.array([0.5], dtype=np.float32))

    def forward(self, inputs: Array) -> tuple[Array, Array | None]:
        features = inputs[:, 0, 0, :]
        if self.head is None:
            return features, None
        return features, features @ self.head.weight.T + self.head.bias

    def input_gradient(self, inputs: Array, pull: Callable[..., Any]) -> Array:
        by_features, by_logits = pull(*self.forward(inputs))
        gradient = np.zeros(inputs.shape, dtype=np.float32)
        if by_features is not None:
            gradient += by_features.reshape(inputs.shape)
        if by_logits is not None:
            assert self.head is not None
            gradient += (by_logits @ self.head.weight).reshape(inputs.shape)
        return gradient

    def layers(self, inputs: Array) -> tuple[Array, ...]:
        count, *_, width = inputs.shape
        channels = np.arange(width)
        maps = np.zeros((count, width, 1, 2), dtype=inputs.dtype)
        maps[:, channels, 0, channels // 2 % 2] = 2 * inputs[:, 0, 0, :]
        return maps, 2 * maps

    def layer_gradients(
        self, inputs: Array, pull: Callable[..., Any]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        first, second = (maps[:, :, 0, :] for maps in self.layers(inputs))
        by_features = self.input_gradient(inputs, pull)[:, 0, 0, :, None]
        gradient = np.repeat(by_features / 2, 2, axis=2)
        features = self.forward(inputs)[0][:, :, None]
        return (first, second, features), (gradient, gradient / 2, by_features)

    def forward_changed(
        self, inputs: Array, layer: int, change: Callable[[Array], Array]
    ) -> tuple[Array, Array | None]:
        changed = change(self.layers(inputs)[layer]) / (1, 2)[layer]
        return self.forward(changed.mean(axis=(2, 3))[:, None, None, :])

    def final_map(self, inputs: Array) -> Array:
        return self.layers(inputs)[1]

    def from_final_map(self, maps: Array) -> tuple[Array, Array | None]:
        return self.forward((maps / 2).mean(axis=(2, 3))[:, None, None, :])

    def reconstruct(self, inputs: Array, seed: int) -> Array:
        """What is large is made smaller: 3.5 · tanh(x / 3.5)."""
        del seed
        return 3.5 * np.tanh(inputs / 3.5)


def live(bank: FeatureBank, head: Head | None) -> FeatureBank:
    """Return the bank with a network behind it that gives these features."""
    inputs = bank.features[:, None, None, :]
    return FeatureBank(bank.features, bank.labels, bank.logits, inputs, PlainNetwork(head))


class Case(NamedTuple):
    """train: what a scorer learns from. test: half of it shifted away. head: of both."""

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
        np.random.default_rng(seed + 1).normal(size=d + 1).astype(np.float32),
    )

    def bank(size: int, shift: float) -> FeatureBank:
        labels = np.concatenate([np.arange(c), rng.integers(0, c, size - c)])
        noise = rng.normal(size=(size, d)) * np.linspace(0.2, 2, d)
        x = np.maximum(centres[labels] + noise + shift, -0.5).astype(np.float32)
        return live(FeatureBank(x, labels, x @ head.weight.T + head.bias), head)

    train, near, far = bank(n, 0), bank(n // 3, 0), bank(n // 3, 1.0)
    test = FeatureBank(
        np.concatenate([near.features, far.features]),
        np.concatenate([near.labels, far.labels]),
        np.concatenate([near.logits, far.logits]),
    )
    return Case(train, live(test, head), head)


class Separated(NamedTuple):
    """A trained network as every score function imagines it.

    ID features are non-negative and long, each class in its own corner, and the head knows the
    corners; OOD features lie along two axes that no class uses: far from every class, from the mean
    of all, in any norm and in direction, and short in the norm that sums magnitudes.
    """

    train: FeatureBank
    id_test: FeatureBank
    ood: FeatureBank
    head: Head


def make_separated(n: int = 3200, d: int = 64, c: int = 8, seed: int = 0) -> Separated:
    """A case in which every score function is to tell ID from far OOD.

    400 train samples a class: of fewer, OpenMax's 20 farthest would be no tail.
    """
    rng = np.random.default_rng(seed)
    corners = np.zeros((c, d))
    for k in range(c):
        corners[k, 4 * k : 4 * k + 4] = 3.0
    weight = (corners - corners.mean(axis=0)) / 6
    detector = np.zeros(d + 1, dtype=np.float32)
    detector[: 4 * c], detector[4 * c : 4 * c + 2] = 1, -1
    bias = rng.normal(scale=0.05, size=c).astype(np.float32)
    head = Head(weight.astype(np.float32), bias, detector)

    def bank(features: np.ndarray, labels: np.ndarray) -> FeatureBank:
        x = features.astype(np.float32)
        return live(FeatureBank(x, labels, x @ head.weight.T + head.bias), head)

    def in_distribution(size: int) -> FeatureBank:
        labels = np.concatenate([np.arange(c), rng.integers(0, c, size - c)])
        return bank(np.abs(corners[labels] + rng.normal(scale=0.3, size=(size, d))), labels)

    out = np.abs(rng.normal(scale=0.1, size=(n // 2, d)))
    out[:, 4 * c : 4 * c + 2] += rng.normal(loc=5.0, scale=0.3, size=(n // 2, 2))
    return Separated(
        in_distribution(n),
        in_distribution(n // 2),
        bank(out, np.zeros(n // 2, dtype=np.int64)),
        head,
    )


def score(scorer: Scorer, train: FeatureBank, test: FeatureBank) -> Array:
    """Return the scores of ``test`` by what a scorer learns from ``train`` without a head."""
    return scorer.score(scorer.fit(train, None), test)


def unlabelled(features: object) -> FeatureBank:
    """Return a bank of these features in double precision, without labels."""
    return FeatureBank(np.array(features, np.float64), np.zeros(0, int))
