"""How far files are read: whole, every value checked, or no further than their headers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.external_features.array_checks import (
    class_labels,
    float_matrix,
    float_vector,
    labels_like,
    matrix_like,
    vector_like,
)
from mood_sweeps.external_features.formats.arrays_found import Array, Found
from mood_sweeps.external_features.formats.catalogue import outline_file, read_file

__all__ = ["OUTLINE", "WHOLE", "Reading"]


@dataclass(frozen=True)
class Reading:
    """How a file becomes arrays and what is checked of them.

    values: whether the arrays hold the file's values, not only its shapes and dtypes.
    """

    file: Callable[[Path, Collection[str]], Found]
    matrix: Callable[[Array, str], Array]
    vector: Callable[[Array, str], Array]
    labels: Callable[[Array, int], Array]
    values: bool


WHOLE = Reading(read_file, float_matrix, float_vector, class_labels, values=True)
"""For computing: float32 or float64, and int64, finite."""

OUTLINE = Reading(outline_file, matrix_like, vector_like, labels_like, values=False)
"""For planning: fast however large the files are."""
