"""Check the values that a scorer returns, without casting them to another kind of value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.scorers.scorer import Scores, State

__all__ = ["checked_scores", "checked_state"]

_PLAIN_ARRAYS = (np.ndarray, np.memmap)
"""Subclasses, such as masked arrays, are refused: they mean more than their numbers."""


def checked_scores(returned: Any, n: int) -> Scores:
    """Return the scores of ``n`` images as float64 (n,).

    Raises TypeError where they are no plain array of real numbers, ValueError for another shape or
    for numbers that float64 cannot hold exactly, such as integers beyond 2**53.
    """
    wanted = f"score must return a NumPy array of {n} real numbers, float64 ({n},)"
    if type(returned) not in _PLAIN_ARRAYS:
        raise TypeError(f"{wanted}, not {_kind(returned)}")
    if returned.dtype.kind not in "iuf":
        raise TypeError(f"{wanted}, not dtype {returned.dtype}")
    if returned.shape != (n,):
        raise ValueError(f"{wanted}, not an array of shape {returned.shape}")
    with np.errstate(over="ignore"):
        scores: Scores = returned.astype(np.float64)
        back = scores.astype(returned.dtype)
    if returned.dtype.itemsize >= 8 and not np.array_equal(
        back, returned, equal_nan=returned.dtype.kind == "f"
    ):
        raise ValueError(f"{wanted}; its {returned.dtype} values do not fit into float64")
    return scores


def checked_state(returned: Any) -> State:
    """Return the state from ``fit`` as it will be read back from the store: both score the same.

    Numbers and lists of numbers become arrays. Raises TypeError where it is no mapping from names
    to arrays of real numbers or booleans.
    """
    wanted = "fit must return a dict of names and arrays"
    if not isinstance(returned, Mapping):
        raise TypeError(f"{wanted}, not {_kind(returned)}")
    state: dict[str, npt.NDArray[Any]] = {}
    for name, value in returned.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"{wanted}; {name!r} is no name")
        if type(value) not in _PLAIN_ARRAYS and not _is_plain(value):
            raise TypeError(f"{wanted}; {name!r} is {_kind(value)}")
        array = np.asarray(value, order="C")
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:  # not longdouble
            raise TypeError(
                f"{wanted}; {name!r} has dtype {array.dtype}, and only arrays of real numbers "
                "can be stored"
            )
        state[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return state


def _is_plain(value: Any) -> bool:
    """Return whether a value is a real number or nested lists of them."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating) or (
        type(value) in _PLAIN_ARRAYS
    )


def _kind(value: Any) -> str:
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    name = f"{module}{kind.__qualname__}"[:100]
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"
