"""Successive halving: which trials go on from a rung."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["FAILED", "ranked", "survivors"]

FAILED = -1.0
"""The score of a trial whose training failed: below every accuracy."""


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


def _sound(numbers: Iterable[int], scores: Mapping[int, float]) -> list[int]:
    return [number for number in numbers if scores[number] > FAILED]
