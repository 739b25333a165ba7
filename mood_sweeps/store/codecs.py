"""Arrays and feature banks as safetensors files: mappable, deterministic bytes, no code inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from mood_sweeps.bank import FeatureBank, Head

__all__ = [
    "HEAD_FILE",
    "load_arrays",
    "load_bank",
    "load_head",
    "save_arrays",
    "save_bank",
    "save_head",
]

BANK_FILE = "bank.safetensors"
HEAD_FILE = "head.safetensors"


def save_arrays(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write named arrays of any shape and numeric dtype."""
    # Not `ascontiguousarray`, which makes a scalar a vector of one.
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, path)


def load_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read what `save_arrays` wrote."""
    arrays: dict[str, npt.NDArray[Any]] = load_file(path)
    return arrays


def save_bank(bank: FeatureBank, folder: Path) -> None:
    """Write a feature bank into an object's folder."""
    arrays = {"features": bank.features, "labels": bank.labels}
    if bank.logits is not None:
        arrays["logits"] = bank.logits
    save_arrays(arrays, folder / BANK_FILE)


def load_bank(folder: Path) -> FeatureBank:
    """Read the feature bank of an object's folder."""
    arrays = load_arrays(folder / BANK_FILE)
    return FeatureBank(arrays["features"], arrays["labels"], arrays.get("logits"))


def save_head(head: Head, folder: Path) -> None:
    """Write a checkpoint's head beside its weights."""
    arrays = {"weight": head.weight, "bias": head.bias}
    if head.detector is not None:
        arrays["detector"] = head.detector
    save_arrays(arrays, folder / HEAD_FILE)


def load_head(folder: Path) -> Head | None:
    """Read the head of a checkpoint's folder; None if it is headless."""
    if not (folder / HEAD_FILE).exists():
        return None
    arrays = load_arrays(folder / HEAD_FILE)
    return Head(arrays["weight"], arrays["bias"], arrays.get("detector"))
