"""One item of an axis that may have a ``tune:`` block among its parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from mood_sweeps.choice import Catalogue, Choice, choose, choose_all, did_you_mean
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.tuning.search import Search
from mood_sweeps.tuning.search_space import RANGES, Listed, RandInt, Values
from mood_sweeps.tuning.tuned_choice import Tunable, Tuned

__all__ = ["TUNE", "choose_all_tuned"]

T = TypeVar("T", bound=Tunable)

TUNE = "tune"
_BUDGET = ("epochs", "preset")
_WHY_NOT = "the budget is the same for all settings"
_EXAMPLE = "{space: {learning_rate: {loguniform: [1e-4, 1e-1]}}, samples: 9}"


def choose_all_tuned(raw: Any, catalogue: Catalogue[T], axis: str) -> tuple[Choice[T], ...]:
    """Read one item of an axis as `choose_all` does; with a ``tune:`` block they are `Tuned`.

    Raises InputError with every problem of the parameters and of the block.
    """
    if not isinstance(raw, Mapping) or len(raw) != 1:
        return choose_all(raw, catalogue, axis)
    ((name, given),) = raw.items()
    if not isinstance(given, Mapping) or TUNE not in given or name not in catalogue:
        return choose_all(raw, catalogue, axis)
    others = {parameter: value for parameter, value in given.items() if parameter != TUNE}
    problems: list[Problem] = []
    chosen: tuple[Choice[T], ...] = ()
    try:
        chosen = choose_all({name: others}, catalogue, axis)
    except InputError as error:
        problems += error.problems
    reader = _Reader(name, others if chosen else {}, catalogue, axis)
    try:
        search = reader.read(given[TUNE])
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(
        Tuned(one.name, one.parameters, one.digest, one.given, search=search) for one in chosen
    )


class _Reader:
    """Reads the ``tune:`` block of one choice, noting every problem on the way."""

    def __init__(
        self, name: str, others: Mapping[str, Any], catalogue: Catalogue[Tunable], axis: str
    ) -> None:
        self._name, self._others = name, others
        self._catalogue, self._axis = catalogue, axis
        self._fields = {field.name: field for field in dataclasses.fields(catalogue[name])}
        self._problems: list[Problem] = []

    def read(self, raw: Any) -> Search:
        """Return the search; raise InputError with all that is wrong with the block."""
        if not isinstance(raw, Mapping):
            raise InputError(self._problem(f"must be a mapping, such as {_EXAMPLE}, not {raw!r}"))
        if not self._fields or not self._catalogue[self._name].is_tunable:
            raise InputError(self._problem("nothing is trained here that could be tuned"))
        settings = {key: value for key, value in raw.items() if key != "space"}
        search = self._settings(settings)
        space = tuple(self._space(raw.get("space")))
        found = dataclasses.replace(search, space=space)
        if not self._problems and found.count is not None and found.count < found.samples:
            self._complain(f"the space has {found.count} settings, fewer than samples", "samples")
        if self._problems:
            raise InputError(self._problems)
        return found

    def _settings(self, settings: Mapping[str, Any]) -> Search:
        if "epochs" not in self._fields:
            for key in sorted({"scheduler", "reduction", "grace"} & settings.keys()):
                self._complain(f"{key!r} is about epochs, and the stage has none", key)
        try:
            found: Search = choose({TUNE: dict(settings)}, {TUNE: Search}, "").parameters
        except InputError as error:
            for problem in error.problems:
                message = problem.message.removeprefix(f" {TUNE!r}").lstrip(", ")
                self._complain(message, *problem.inside[1:])
            return Search()
        return found

    def _space(self, raw: Any) -> Iterator[tuple[str, Values]]:
        if not isinstance(raw, Mapping) or not raw:
            self._complain(f"needs a space of parameters to try, such as {_EXAMPLE}", "space")
            return
        for parameter in sorted(raw, key=str):
            if parameter not in self._fields:
                hint = did_you_mean(str(parameter), self._fields)
                self._complain(f"no parameter {parameter!r}{hint}", "space", parameter)
            elif parameter in self._others:
                message = f"{parameter!r} is given a value beside the block, too"
                self._complain(message, "space", parameter)
            elif parameter in _BUDGET:
                self._complain(f"{parameter!r} is not tuned: {_WHY_NOT}", "space", parameter)
            elif self._fields[parameter].metadata:
                message = f"{parameter!r} is not tuned: it says where data is"
                self._complain(message, "space", parameter)
            elif (values := self._values(parameter, raw[parameter])) is not None:
                yield parameter, values

    def _values(self, parameter: str, raw: Any) -> Values | None:
        """Return the values to try of one parameter, each checked as if it was given."""
        inside = ("space", parameter)
        if isinstance(raw, list):
            if len({repr(value) for value in raw}) < max(len(raw), 2):
                self._complain("list two or more different values", *inside)
                return None
            if not self._are_valid(parameter, list(enumerate(raw)), *inside):
                return None
            return Listed(tuple(map(_frozen, raw)))
        if not (isinstance(raw, Mapping) and len(raw) == 1):
            kinds = ", ".join(f"{{{kind}: [low, high]}}" for kind in RANGES)
            self._complain(f"{raw!r} is neither a list of values nor one of {kinds}", *inside)
            return None
        ((kind, ends),) = raw.items()
        if kind not in RANGES:
            self._complain(
                f"unknown range {kind!r}{did_you_mean(str(kind), RANGES)}", *inside, kind
            )
            return None
        if (wrong := _wrong_ends(kind, ends)) is not None:
            self._complain(f"{kind} {wrong}, not {ends!r}", *inside, kind)
            return None
        low, high = ends
        values = RANGES[kind](low, high)
        at = [(index, end) for index, end in enumerate(values.ends)]
        return values if self._are_valid(parameter, at, *inside, kind) else None

    def _are_valid(self, parameter: str, values: list[tuple[int, Any]], *inside: str | int) -> bool:
        problems = []
        for index, value in values:
            # A list of one list, so that a parameter that is a list is not taken for a grid.
            tried = {parameter: [value] if isinstance(value, list) else value}
            raw = {self._name: {**self._others, **tried}}
            try:
                choose_all(raw, self._catalogue, self._axis)
            except InputError as error:
                problems += [(index, problem) for problem in error.problems]
        for index, problem in problems:
            place = (self._name, TUNE, *inside, index)
            self._problems.append(Problem(problem.message, inside=place))
        return not problems

    def _complain(self, message: str, *inside: str | int) -> None:
        self._problems.append(self._problem(message, *inside))

    def _problem(self, message: str, *inside: str | int) -> Problem:
        place = (self._name, TUNE, *inside)
        return Problem(f"{self._axis} {self._name!r}, tune: {message}", inside=place)


def _wrong_ends(kind: str, ends: Any) -> str | None:
    """Return what two ends of a range must be, if these are not."""
    wanted = int if RANGES[kind] is RandInt else int | float
    if not (isinstance(ends, list) and len(ends) == 2) or not all(
        isinstance(end, wanted) and not isinstance(end, bool) and math.isfinite(end) for end in ends
    ):
        return f"takes [low, high], two {'whole ' if wanted is int else ''}numbers"
    if not ends[0] < ends[1]:
        return "goes from low to high"
    if kind == "loguniform" and ends[0] <= 0:
        return "starts above 0"
    return None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
