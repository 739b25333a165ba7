"""An image list, ``path label`` a line, as ViM and MOODv2 keep their labels."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Found

__all__ = ["read_image_list"]


def read_image_list(path: Path, wanted: Collection[str]) -> Found:
    """Return the last word of each line as int64 (N,); InputError where it is no whole number."""
    del wanted
    labels = []
    try:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if words := line.split():
                labels.append(_label(words[-1], number))
    except UnicodeDecodeError:
        raise InputError("is no UTF-8 text") from None
    return Found(unnamed=(np.array(labels, dtype=np.int64),))


def _label(word: str, line: int) -> int:
    try:
        label = int(word)
    except ValueError:
        raise InputError(f"line {line} does not end with a label: {word[:60]!r}") from None
    if not -(2**63) <= label < 2**63:
        raise InputError(f"line {line}: {word[:60]} is no label")
    return label
