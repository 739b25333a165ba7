"""Which scorers to run: ``all``, or names with parameters as tables show them, ``knn(k=10)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mood_sweeps.choice import Catalogue, Choice
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.plugins.open_plugins import OpenPlugins
from mood_sweeps.scorers import NOT_SCORERS, Scorer

__all__ = ["ALL", "choose_scorers", "parse_scorers"]

ALL = "all"

_OPEN, _CLOSE = "([", ")]"
_CONSTANTS = {"True": True, "true": True, "False": False, "false": False, "None": None}


def choose_scorers(
    wanted: str | Iterable[Any],
    catalogue: Catalogue[Scorer],
    input_problems: InputProblems,
    plugins: OpenPlugins | None = None,
) -> tuple[Choice[AnyScorer], ...]:
    """Return the scorers that are wanted, in that order, noting what cannot be read.

    catalogue: the package's own scorers. plugins: what has others.

    wanted: text as `parse_scorers` reads it, or a list of such texts and of mappings
        ``{name: {parameter: value}}``. ``all`` stands for every entry of the catalogue; a list
        where one value belongs is a grid.
    """
    where = "scorers"
    items: list[Any] = []
    for item in [wanted] if isinstance(wanted, str) else wanted:
        with input_problems.about(where):
            items += parse_scorers(item) if isinstance(item, str) else [item]
    chosen: dict[str, Choice[AnyScorer]] = {}
    plugins = plugins or OpenPlugins()
    every = (*catalogue, *plugins.names)
    for item in (entry for raw in items for entry in (every if raw == ALL else [raw])):
        with input_problems.about(where):
            name = next(iter(item), None) if isinstance(item, Mapping) else item
            if isinstance(name, str) and name in NOT_SCORERS and name not in every:
                raise InputError(NOT_SCORERS[name])
            for choice in plugins.choose_all(item, catalogue):
                if choice.label in chosen:
                    input_problems.add(where, f"scorer {choice.label!r} is listed twice")
                chosen[choice.label] = choice
    if not items:
        input_problems.add(where, "no scorer is named; 'all' names every one")
    return tuple(chosen.values())


def parse_scorers(text: str) -> list[Any]:
    """Return what ``msp,vim@moodv2,knn(k=10)`` names: names, or ``{name: {parameter: value}}``.

    A value is a number, True, False, None, a list ``[1 10]`` or ``[1, 10]``, or else text.
    Raises InputError where brackets do not match or a parameter has no value.
    """
    return [_scorer(item) for item in _split(text, ",")]


def _scorer(text: str) -> Any:
    name, bracket, rest = text.partition("(")
    if not bracket:
        return name
    if not rest.endswith(")"):
        raise InputError(f"{text!r} goes on after its brackets; a comma comes between two scorers")
    parameters = {}
    for item in _split(rest[:-1], ","):
        parameter, equals, value = item.partition("=")
        if not equals or not value.strip():
            raise InputError(f"{text!r}: {item!r} gives a parameter no value; write knn(k=10)")
        parameters[parameter.strip()] = _value(value.strip())
    return {name.strip(): parameters}


def _value(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return [_value(item) for item in _split(text[1:-1], ", ")]
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


def _split(text: str, separators: str) -> list[str]:
    """Return the parts between separators that stand outside all brackets; none is empty."""
    return [part for part in map(str.strip, _parts(text, separators)) if part]


def _parts(text: str, separators: str) -> Iterator[str]:
    expected: list[str] = []
    start = 0
    for at, sign in enumerate(text):
        if sign in _OPEN:
            expected.append(_CLOSE[_OPEN.index(sign)])
        elif sign in _CLOSE:
            if not expected or expected.pop() != sign:
                raise InputError(f"the brackets of {text!r} do not match")
        elif sign in separators and not expected:
            yield text[start:at]
            start = at + 1
    if expected:
        raise InputError(f"the brackets of {text!r} do not match")
    yield text[start:]
