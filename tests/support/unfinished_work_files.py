"""What is kept of unfinished trainings in a folder's workspace, read past the package."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.numpy

__all__ = ["epochs_kept", "kept_files"]

CHECKSUM_BYTES = 32


def kept_files(folder: Path) -> list[Path]:
    """Return the files with the state of a training."""
    place = folder / ".mood" / "store" / "unfinished"
    return [path for path in place.rglob("*") if path.is_file() and "." not in path.name]


def epochs_kept(folder: Path) -> int:
    """Return how many epochs are done in what is kept; 0 if nothing is."""
    for path in kept_files(folder):
        tensors = safetensors.numpy.load(path.read_bytes()[CHECKSUM_BYTES:])
        return int(json.loads(tensors["notes"].tobytes())["notes"]["epoch"])
    return 0
