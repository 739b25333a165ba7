"""The values that a search may give one parameter: some that are listed, or a range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = ["RANGES", "Listed", "LogUniform", "RandInt", "Uniform", "Values"]

_DIGITS = 4
"""Significant digits of a number drawn from a range: enough for a search, and short in tables."""


@dataclass(frozen=True)
class Listed:
    """One of several values, each as likely."""

    values: tuple[Any, ...]

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that have to be valid for all to be."""
        return self.values

    @property
    def content(self) -> Any:
        """It as plain data, the way it is written."""
        return list(self.values)

    def pick(self, index: int) -> Any:
        """Return the value at an index below ``count``."""
        return self.values[index]


@dataclass(frozen=True)
class RandInt:
    """A whole number from low to high, both included."""

    low: int
    high: int

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.high - self.low + 1

    @property
    def ends(self) -> tuple[int, int]:
        """The values that have to be valid for all to be."""
        return self.low, self.high

    @property
    def content(self) -> dict[str, list[int]]:
        """It as plain data, the way it is written."""
        return {"randint": [self.low, self.high]}

    def pick(self, index: int) -> int:
        """Return the value at an index below ``count``."""
        return self.low + index


@dataclass(frozen=True)
class _Continuous:
    """Numbers from low to high; ``kind`` is how a range of them is written."""

    kind: ClassVar[str]

    low: float
    high: float

    @property
    def count(self) -> None:
        """Values are not counted."""

    @property
    def ends(self) -> tuple[float, float]:
        """The values that have to be valid for all to be."""
        return float(self.low), float(self.high)

    @property
    def content(self) -> dict[str, list[float]]:
        """It as plain data, the way it is written."""
        return {self.kind: list(self.ends)}


@dataclass(frozen=True)
class Uniform(_Continuous):
    """A number from low to high, all as likely."""

    kind: ClassVar[str] = "uniform"

    def at(self, share: float) -> float:
        """Return the number below which this share (in [0, 1)) of the range lies."""
        return _short(self.low + share * (self.high - self.low), self.low, self.high)


@dataclass(frozen=True)
class LogUniform(_Continuous):
    """A number from low to high, its logarithm uniform."""

    kind: ClassVar[str] = "loguniform"

    def at(self, share: float) -> float:
        """Return the number below which this share (in [0, 1)) of the logarithms lies."""
        low, high = math.log(self.low), math.log(self.high)
        return _short(math.exp(low + share * (high - low)), self.low, self.high)


Values = Listed | RandInt | Uniform | LogUniform
RANGES: dict[str, type[RandInt | Uniform | LogUniform]] = {
    "loguniform": LogUniform,
    "randint": RandInt,
    "uniform": Uniform,
}


def _short(value: float, low: float, high: float) -> float:
    return float(min(max(float(f"{value:.{_DIGITS}g}"), low), high))
