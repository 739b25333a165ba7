"""Arrays and feature banks as safetensors files: mappable, deterministic bytes, no code inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from mood_sweeps.bank import FeatureBank

__all__ = ["load_arrays", "load_bank", "save_arrays", "save_bank"]

BANK_FILE = "bank.safetensors"


def save_arrays(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write named arrays of any shape and numeric dtype."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


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
