"""Seeded sets of features as a user would have extracted them, and what to write them to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mood_sweeps.bank import FeatureBank, Head

D, C = 12, 4


@dataclass(frozen=True)
class Sets:
    train: FeatureBank
    test: FeatureBank
    val: FeatureBank
    near: FeatureBank
    far: FeatureBank
    head: Head

    @property
    def oods(self) -> dict[str, FeatureBank]:
        return {"near": self.near, "far": self.far}


def make_sets(seed: int = 0) -> Sets:
    """ID in C clusters, near-OOD between them, far-OOD away from them; logits of the head."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(C, D)) * 2
    head = Head(centres.astype(np.float32) / 8, rng.normal(size=C).astype(np.float32))

    def bank(n: int, spread: float, shift: float) -> FeatureBank:
        labels = np.concatenate([np.arange(C), rng.integers(0, C, n - C)])
        x = (centres[labels] * spread + rng.normal(size=(n, D)) + shift).astype(np.float32)
        return FeatureBank(x, labels, x @ head.weight.T + head.bias)

    return Sets(
        train=bank(200, 1, 0),
        test=bank(90, 1, 0),
        val=bank(80, 1, 0),
        near=bank(70, 0.6, 0),
        far=bank(60, 0, 4),
        head=head,
    )


def only(bank: FeatureBank, *roles: str) -> FeatureBank:
    """The bank with nothing beside its features but ``roles``."""
    return FeatureBank(
        bank.features,
        bank.labels if "labels" in roles else np.zeros(0, np.int64),
        bank.logits if "logits" in roles else None,
    )


def save(path: Path, bank: FeatureBank, *roles: str, **others: Any) -> str:
    """Write an npz with the features and ``roles`` of a bank; return its name."""
    arrays = {role: getattr(bank, role) for role in ("features", *roles)}
    np.savez(path, **{**arrays, **others})
    return path.name


def save_sets(folder: Path, sets: Sets, *roles: str) -> None:
    """Write train, test, val, near and far with their labels and ``roles``, and the head."""
    for name in ("train", "test", "val", "near", "far"):
        save(folder / f"{name}.npz", getattr(sets, name), "labels", *roles)
    np.savez(folder / "head.npz", weight=sets.head.weight, bias=sets.head.bias)
