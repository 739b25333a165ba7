"""A search: what a ``tune:`` block says, and the settings that it tries."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mood_sweeps.errors import InputError
from mood_sweeps.identity import derive_seed, key_of, non_default_fields
from mood_sweeps.tuning.search_space import Listed, RandInt, Values

__all__ = ["Search"]

_Count = Annotated[int, Field(gt=0)]


@dataclass(frozen=True)
class Search:
    """Settings of a stage's parameters that are tried, few of them to the end.

    samples: how many settings are drawn. scheduler: ``halving``, synchronous successive halving
    (Jamieson & Talwalkar 2016): all settings train to a rung, the best 1/reduction of them go on;
    its outcome is a function of its key. ``asha``, its asynchronous form (Li et al. 2020), where a
    setting goes on as soon as it is among the best so far: what comes first decides, so its outcome
    is no function of its key. reduction: η. grace: epochs to the first rung; each later one is
    reduction times as far, the last at the stage's epochs.
    space: parameters by name, in the order of names, and the values they may take.
    """

    version: ClassVar[int] = 1

    samples: _Count = 9
    scheduler: Literal["halving", "asha"] = "halving"
    reduction: Annotated[int, Field(gt=1)] = 3
    grace: _Count = 1
    space: tuple[tuple[str, Values], ...] = ()

    @property
    def is_deterministic(self) -> bool:
        """Whether its outcome is a function of its key."""
        return self.scheduler == "halving"

    @property
    def content(self) -> dict[str, Any]:
        """What enters a key: all that the block says, as plain data."""
        return {
            **non_default_fields(self),
            "version": self.version,
            "space": {name: values.content for name, values in self.space},
        }

    @property
    def label(self) -> str:
        """How rows and tables call it, ``halving:9:3f2a9c``, its end a digest of all of it."""
        return f"{self.scheduler}:{self.samples}:{key_of(self.content)[:6]}"

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """Return the epochs after which settings are compared, ``epochs`` being the last.

        Raises InputError if the first rung lies beyond it.
        """
        if self.grace > epochs:
            raise InputError(
                f"tune: grace ({self.grace}) is more than the stage's epochs ({epochs})"
            )
        rungs = []
        rung = self.grace
        while rung < epochs:
            rungs.append(rung)
            rung *= self.reduction
        return (*rungs, epochs)

    def settings(self, axis_seed: int) -> tuple[dict[str, Any], ...]:
        """Return the settings to try, by parameter: a function of this search and the seed.

        No setting comes twice where they can be counted.
        """
        # Its `random()` is the one method that Python promises to keep.
        draw = random.Random(derive_seed(axis_seed, "tune", "settings")).random
        if (count := self.count) is not None:
            return tuple(map(self._setting, _distinct(count, self.samples, draw)))
        return tuple(
            {name: _drawn(values, draw) for name, values in self.space} for _ in range(self.samples)
        )

    @property
    def count(self) -> int | None:
        """How many different settings there are; None where they are not counted."""
        counts = [values.count for _, values in self.space]
        return None if None in counts else math.prod(filter(None, counts))

    def _setting(self, index: int) -> dict[str, Any]:
        """Return the setting at an index below ``count``."""
        setting = {}
        for name, values in self.space:
            assert isinstance(values, Listed | RandInt)
            index, at = divmod(index, values.count)
            setting[name] = values.pick(at)
        return setting


def _drawn(values: Values, draw: Callable[[], float]) -> Any:
    if isinstance(values, Listed | RandInt):
        return values.pick(int(draw() * values.count))
    return values.at(draw())


def _distinct(count: int, samples: int, draw: Callable[[], float]) -> Iterator[int]:
    """Yield different numbers below ``count``: the first steps of a Fisher–Yates shuffle."""
    moved: dict[int, int] = {}
    for place in range(samples):
        other = place + int(draw() * (count - place))
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)
