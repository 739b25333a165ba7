"""The bank that scoring is measured on, and the floor: what no way of scoring it can do without."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mood_sweeps.bank import FeatureBank, Head

__all__ = ["Banks", "Clock", "clock_for", "floor", "make_banks"]

Clock = Callable[[], float]

WIDTH, CLASSES = 768, 100
BLOCK = 2048


@dataclass(frozen=True)
class Banks:
    """train: what is learnt from. scored: ID test and four OOD sets. head: of all."""

    train: FeatureBank
    scored: tuple[FeatureBank, ...]
    head: Head

    def fresh(self) -> Banks:
        """Return the same arrays in banks for which nothing has been computed yet."""
        again = [FeatureBank(one.features, one.labels, one.logits) for one in self.all()]
        return Banks(again[0], tuple(again[1:]), self.head)

    def all(self) -> tuple[FeatureBank, ...]:
        """Return every bank, the train bank first."""
        return (self.train, *self.scored)

    @property
    def rows(self) -> int:
        """How many rows are scored."""
        return sum(len(bank) for bank in self.scored)


def clock_for(threads: int) -> Clock:
    """Return what seconds are read from: of CPU time for one thread, which other work on the
    machine changes least, else of the wall.
    """
    return time.process_time if threads == 1 else time.perf_counter


def make_banks(train_rows: int) -> Banks:
    """Return a seeded bank: a fifth of ``train_rows`` for ID test and for each of four OOD sets.

    Features as those of a vision transformer: 768 dimensions, a few of which carry most of the
    variance, in a rotated basis, with a mean far from zero and 100 classes that overlap a little.
    """
    rng = np.random.default_rng(0)
    spectrum = np.linspace(1, WIDTH, WIDTH) ** -0.5
    basis = (np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0] * spectrum).astype(np.float32)
    mean = rng.normal(size=WIDTH).astype(np.float32)
    centres = rng.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    weight = 2 * (centres @ basis.T)
    head = Head(weight, rng.normal(size=CLASSES).astype(np.float32) - weight @ mean)

    def bank(rows: int, inside: float, spread: float) -> FeatureBank:
        labels = rng.integers(0, CLASSES, rows)
        labels[:CLASSES] = np.arange(CLASSES)
        latent = spread * rng.standard_normal((rows, WIDTH), dtype=np.float32)
        latent += inside * centres[labels]
        features = latent @ basis.T + mean
        return FeatureBank(features, labels, features @ head.weight.T + head.bias)

    sets = [(1.0, 1.0), (0.7, 1.0), (0.3, 1.1), (0.0, 1.2), (0.0, 2.0)]
    train = bank(train_rows, *sets[0])
    return Banks(train, tuple(bank(train_rows // 5, *one) for one in sets), head)


def floor(banks: Banks, now: Clock) -> dict[str, float]:
    """Return the seconds of each part of the floor, each input read once, block by block.

    One fp64 scatter of the train bank (converted on the way), one symmetric eigendecomposition,
    one fp32 rotation of the scored rows and their product with the head.
    """
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(WIDTH, WIDTH)))[0]
    rotation = rotation.astype(np.float32)
    seconds = {}
    began = now()
    scatter, product = np.zeros((WIDTH, WIDTH)), np.empty((WIDTH, WIDTH))
    block = np.empty((BLOCK, WIDTH))
    for start in range(0, len(banks.train), BLOCK):
        rows = banks.train.features[start : start + BLOCK]
        block[: len(rows)] = rows
        scatter += np.matmul(block[: len(rows)].T, block[: len(rows)], out=product)
    seconds["scatter"] = now() - began
    began = now()
    np.linalg.eigh(scatter)
    seconds["eigendecomposition"] = now() - began
    for name, matrix in (("rotation", rotation), ("logits", banks.head.weight.T)):
        out = np.empty((BLOCK, matrix.shape[1]), np.float32)
        began = now()
        for bank in banks.scored:
            for start in range(0, len(bank), BLOCK):
                rows = bank.features[start : start + BLOCK]
                np.matmul(rows, matrix, out=out[: len(rows)])
        seconds[name] = now() - began
    return seconds
