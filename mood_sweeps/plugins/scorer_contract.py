"""The contract that a scorer from outside the package must keep, checked in its own process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.scorers import FAMILIES, FITS_ON, NEEDS, Scorer

__all__ = ["complete", "contract_problems"]

MOST_LETTERS = 100
_PROMISES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "version": (lambda value: type(value) is int and value > 0, "ClassVar[int], at least 1"),
    "family": (lambda value: value in FAMILIES, f"ClassVar[str], one of {', '.join(FAMILIES)}"),
    "needs": (
        lambda value: isinstance(value, tuple) and set(value) <= set(NEEDS),
        f"ClassVar[tuple[str, ...]], of {', '.join(NEEDS)}",
    ),
    "fits_on": (lambda value: value in FITS_ON, f"ClassVar[str], one of {', '.join(FITS_ON)}"),
    "pooled_form": (lambda value: value is None, "left out"),
    "notes": (lambda value: value is None or callable(value), "a method notes(state, bank)"),
    "learns_nothing": (lambda value: isinstance(value, bool), "ClassVar[bool]"),
    "fit": (callable, "a method fit(bank, head) -> state"),
    "score": (callable, "a method score(state, bank) -> scores"),
}


def complete(scorers: Any) -> None:
    """Give classes the parts of the contract that they leave out and `Scorer` has defaults for."""
    for kind in scorers.values() if isinstance(scorers, dict) else ():
        for promise in ("needs", "fits_on", "learns_nothing"):
            if dataclasses.is_dataclass(kind) and not hasattr(kind, promise):
                setattr(kind, promise, getattr(Scorer, promise))


def contract_problems(name: Any, kind: Any) -> list[str]:
    """Return what keeps ``kind`` from being the scorer called ``name``."""
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
    for promise, (kept, wanted) in _PROMISES.items():
        if promise in parameters or not kept(getattr(kind, promise, None)):
            problems.append(f"{promise!r} must be {wanted}")
    try:
        choose(name, {name: parameters_of}, "scorer")
    except InputError:
        pass  # a parameter without a default: the sweep's file has to give it
    except Exception as error:
        problems.append(f"its parameters cannot be read: {error}".splitlines()[0])
    return problems
