"""Successive halving: which trials go on from a rung."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FAILED", "is_wanted", "ranked", "survivors"]

FAILED = -1.0
"""The score of a trial with a failed training: below every accuracy."""


def ranked(scores: Mapping[int, float]) -> list[int]:
    """Return the numbers of trials, the best score first; of equal ones the lower number first."""
    return sorted(scores, key=lambda number: (-scores[number], number))


def survivors(scores: Mapping[int, float], reduction: int) -> tuple[int, ...]:
    """Return the trials that go on, by number: the best ⌊n / reduction⌋ of n, at least one.

    scores: of every trial on the rung (Jamieson & Talwalkar 2016, Algorithm 1). One that failed
    goes on only if all did.
    """
    best = ranked(scores)[: max(1, len(scores) // reduction)]
    return tuple(sorted(_sound(best, scores) or best[:1]))


def is_wanted(number: int, rung: int, scores: Sequence[Sequence[float]], reduction: int) -> bool:
    """Whether a trial goes on to a rung (from 0), which the rungs before have to have decided.

    scores: of every trial, on the rungs it came to.
    """
    on_rung: Iterable[int] = range(len(scores))
    for at in range(rung):
        if any(len(scores[each]) <= at for each in on_rung):
            return False
        on_rung = survivors({each: scores[each][at] for each in on_rung}, reduction)
    return number in on_rung


def _sound(numbers: Iterable[int], scores: Mapping[int, float]) -> list[int]:
    return [number for number in numbers if scores[number] > FAILED]
