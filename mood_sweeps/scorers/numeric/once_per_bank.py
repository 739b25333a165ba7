"""A cache: one computation per feature bank, shared by all scorers."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.array_device import device

__all__ = ["once_per_bank"]

T = TypeVar("T")

# Keys are banks by identity, weakly referenced: results live as long as their bank. Never change
# the arrays of a bank in place.
_RESULTS: WeakKeyDictionary[FeatureBank, dict[Hashable, Any]] = WeakKeyDictionary()


def once_per_bank(bank: FeatureBank, name: Hashable, compute: Callable[[], T]) -> T:
    """Return ``compute()``, or its earlier result for the same bank, name and device."""
    results = _RESULTS.setdefault(bank, {})
    entry = device().name, name
    if entry not in results:
        results[entry] = compute()
    return cast(T, results[entry])
