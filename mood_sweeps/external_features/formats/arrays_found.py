"""What a reader finds in a file of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

__all__ = ["Array", "Found"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Found:
    """The arrays of a file, as they are there: any dtype of numbers, any shape.

    keys: the names of all that the file holds. named: the arrays among them that were wanted.
    unnamed: the arrays of a format without names, in order.
    """

    keys: tuple[str, ...] = ()
    named: Mapping[str, Array] = field(default_factory=dict)
    unnamed: tuple[Array, ...] = ()
