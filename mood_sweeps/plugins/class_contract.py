"""What every class that a plugin offers promises: a name, and a frozen dataclass of parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError

__all__ = ["Promises", "class_problems", "give_defaults", "is_version"]

MOST_LETTERS = 100

Promises = Mapping[str, tuple[Callable[[Any], bool], str]]
"""By the name of an attribute: whether a value keeps the promise, and what is wanted in words."""


def give_defaults(kinds: Any, defaults: Mapping[str, Any]) -> None:
    """Give dataclasses the attributes that they leave out."""
    for kind in kinds.values() if isinstance(kinds, dict) else ():
        for promise, default in defaults.items():
            if dataclasses.is_dataclass(kind) and not hasattr(kind, promise):
                setattr(kind, promise, default)


def class_problems(
    name: Any, kind: Any, noun: str, promises: Promises, may_vary: tuple[str, ...] = ()
) -> list[str]:
    """Return what keeps ``kind`` from being the entry called ``name``.

    noun: of the catalogue. may_vary: promises that may be parameters, which each choice keeps.
    """
    if not isinstance(name, str) or not name.isidentifier():
        return ["a name is letters, digits and '_', not starting with a digit"]
    if len(name) > MOST_LETTERS:
        return [f"a name has at most {MOST_LETTERS} letters"]
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return ["must be a class made by @dataclass(frozen=True)"]
    parameters_of: Any = kind
    problems = []
    if not parameters_of.__dataclass_params__.frozen:
        problems.append("the dataclass must be frozen")
    parameters = {field.name for field in dataclasses.fields(kind)}
    for promise, (is_kept, wanted) in promises.items():
        if promise in parameters and promise in may_vary:
            continue
        if promise in parameters or not is_kept(getattr(kind, promise, None)):
            problems.append(f"{promise!r} must be {wanted}")
    try:
        choose(name, {name: parameters_of}, noun)
    except InputError:
        pass  # a parameter without a default: the sweep's file has to give it
    except Exception as error:
        problems.append(f"its parameters cannot be read: {error}".splitlines()[0])
    return problems


def is_version(value: Any) -> bool:
    """Whether a value is a version: a whole number from 1."""
    return type(value) is int and value > 0
