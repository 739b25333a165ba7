"""A user's features as files: small, seeded, and an experiment over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

D, C = 8, 3
SETS = {"train": (120, 1.0, 0.0), "val": (50, 1.0, 0.0), "test": (60, 1.0, 0.0)}
OODS = {"near": (40, 0.5, 0.0), "far": (45, 0.0, 4.0), "other": (35, 0.3, 1.0)}

EXPERIMENT = """\
name: mine
features:
  - name: beit
    id: {name: pets, train: train.npz, val: val.npz, test: test.npz}
    head: head.npz
    near: {foxes: near.npz}
    far: {noise: far.npz}
axes:
  scorer: [msp, "vim@moodv2", "kl_matching@openood", {knn: {k: [1, 5]}}]
"""


def arrays_of(seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return features and labels of every set, by name, and the head's weight and bias."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(C, D)) * 2
    found: dict[str, dict[str, Any]] = {}
    for name, (n, spread, shift) in {**SETS, **OODS}.items():
        labels = np.concatenate([np.arange(C), rng.integers(0, C, n - C)])
        features = centres[labels] * spread + rng.normal(size=(n, D)) + shift
        found[name] = {"features": features.astype(np.float32), "labels": labels}
    bias = rng.normal(size=C).astype(np.float32)
    found["head"] = {"weight": (centres / 4).astype(np.float32), "bias": bias}
    return found


def write_sets(folder: Path, arrays: dict[str, dict[str, Any]] | None = None) -> None:
    """Write every set and the head as an npz of its name."""
    for name, content in (arrays or arrays_of()).items():
        np.savez(folder / f"{name}.npz", **content)
