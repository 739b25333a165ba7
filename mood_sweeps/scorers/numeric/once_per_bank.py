"""One computation per feature bank, however many scorers ask for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.array_device import device

__all__ = ["once_per_bank"]

T = TypeVar("T")

# By identity (banks do not compare) and weakly: what was computed lives as long as its bank.
# The arrays of a bank are therefore not to be changed in place.
_KNOWN: WeakKeyDictionary[FeatureBank, dict[Hashable, Any]] = WeakKeyDictionary()


def once_per_bank(bank: FeatureBank, name: Hashable, compute: Callable[[], T]) -> T:
    """Return ``compute()``, or what it returned for the same bank, name and device before."""
    known = _KNOWN.setdefault(bank, {})
    there = device().name, name
    if there not in known:
        known[there] = compute()
    return cast(T, known[there])
