"""A choice: one value of an axis, as a name in a catalogue and its parameters.

A catalogue is a plain dict from names to frozen dataclasses. In YAML a choice is a bare name or
``{name: {parameter: value}}``; a list where one value belongs is a grid, one choice for each
combination. Parameters are validated by pydantic from the dataclass's own annotations, strictly:
an unknown parameter, a string for a number or a NaN is a problem.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from mood_sweeps.errors import InputError, Problem
from mood_sweeps.identity import non_default_fields

__all__ = [
    "OUT_OF_KEYS",
    "Catalogue",
    "Choice",
    "Count",
    "Fraction",
    "Parameters",
    "Positive",
    "choose",
    "choose_all",
    "did_you_mean",
]

OUT_OF_KEYS: Mapping[str, bool] = {"out of keys": True}
"""Metadata of a parameter that says where data is: its bytes are in the key, this is not."""

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
"""Types of parameters: at least 1; above 0; at least 0 and below 1."""


class Parameters(Protocol):
    """What a catalogue holds: a frozen dataclass of parameters with a hand-bumped version."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    version: ClassVar[int]


P = TypeVar("P", bound=Parameters)
P_co = TypeVar("P_co", bound=Parameters, covariant=True)

Catalogue = Mapping[str, type[P]]


@dataclass(frozen=True)
class Choice(Generic[P_co]):
    """A name and validated parameters (an instance of the catalogue's dataclass).

    digest: SHA-256 of the source it was made from, for a choice from a user's file; empty for
        the built-in ones, where the version stands for the code.
    given: the parameters that were written down, at their default or not.
    """

    name: str
    parameters: P_co
    digest: str = field(default="", repr=False)
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @functools.cached_property
    def label(self) -> str:
        """How rows and tables call it: ``knn`` or ``knn(k=10)``, defaults left out."""
        shown = self._shown()
        return f"{self.name}({', '.join(shown)})" if shown else self.name

    @property
    def content(self) -> dict[str, Any]:
        """What enters a key: name, version, parameters off their default, the user's source."""
        content: dict[str, Any] = {"name": self.name, "version": self.parameters.version}
        changed = non_default_fields(self.parameters)
        for parameter in dataclasses.fields(self.parameters):
            if parameter.metadata == OUT_OF_KEYS:
                changed.pop(parameter.name, None)
        if changed:
            content["parameters"] = changed
        if self.digest:
            content["source"] = self.digest
        return content

    @property
    def described(self) -> dict[str, Any]:
        """Every parameter, defaults included, as plain data."""
        return dataclasses.asdict(self.parameters)

    def _shown(self) -> list[str]:
        """Return what the label says beside the name."""
        changed = non_default_fields(self.parameters)
        return [f"{name}={_plain(changed[name])}" for name in sorted(changed)]


def choose(raw: Any, catalogue: Catalogue[P], axis: str) -> Choice[P]:
    """Read one value of an axis: ``"knn"`` or ``{"knn": {"k": 10}}``.

    Raises InputError; its problems say what is wrong and what is allowed (without a place: the
    caller knows it).
    """
    name, given = _name_and_parameters(raw, axis)
    if name not in catalogue:
        raise InputError(f"unknown {axis} {name!r}{did_you_mean(name, catalogue)}")
    kind = catalogue[name]
    try:
        checked = _schema_of(kind).model_validate(given)
    except ValidationError as error:
        allowed = [field.name for field in dataclasses.fields(kind) if field.init]
        raise InputError(
            [_parameter_problem(axis, name, detail, allowed) for detail in error.errors()]
        ) from None
    written = {parameter: getattr(checked, parameter) for parameter in checked.model_fields_set}
    make: Callable[..., P] = kind
    return Choice(name, make(**written), given=frozenset(written))


def choose_all(raw: Any, catalogue: Catalogue[P], axis: str) -> tuple[Choice[P], ...]:
    """Read one item of an axis, which may be a grid: ``{"knn": {"k": [1, 10]}}`` is two choices.

    They come in the order of the lists, the last parameter varying fastest. A parameter that is
    itself a list is a grid where every item of its list is a list.
    Raises InputError as :func:`choose` does, with every problem of every combination once.
    """
    name, given = _name_and_parameters(raw, axis)
    grid = dict(_grid(catalogue[name], given)) if name in catalogue else {}
    empty = [Problem(_no_value(axis, name, at), inside=(name, at)) for at in grid if not grid[at]]
    if empty:
        raise InputError(empty)
    chosen: list[Choice[P]] = []
    problems: dict[Problem, None] = {}
    for places in itertools.product(*(range(len(values)) for values in grid.values())):
        at = dict(zip(grid, places, strict=True))
        single = {name: {**given, **{key: grid[key][place] for key, place in at.items()}}}
        try:
            chosen.append(choose(single, catalogue, axis))
        except InputError as error:
            problems |= dict.fromkeys(_inside_grid(problem, at) for problem in error.problems)
    if problems:
        raise InputError(problems)
    return tuple(chosen)


def _grid(
    kind: type[Parameters], given: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the parameters that are given several values, and the values."""
    hints = get_type_hints(kind, include_extras=True)
    for parameter, value in given.items():
        if isinstance(value, tuple) and parameter in hints:
            nested = bool(value) and all(isinstance(item, tuple) for item in value)
            if nested or not _takes_a_list(hints[parameter]):
                yield parameter, value


def _takes_a_list(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (tuple, list, Sequence):
        return True
    inner = get_args(hint)[:1] if origin is Annotated else get_args(hint)
    return any(map(_takes_a_list, inner))


def _no_value(axis: str, name: str, parameter: str) -> str:
    return f"{axis} {name!r}, parameter {parameter!r}: an empty list gives it no value"


def _inside_grid(problem: Problem, at: Mapping[str, int]) -> Problem:
    """Return the problem of one combination at its place in the lists of the grid."""
    name, *inside = problem.inside or ("",)
    if inside and inside[0] in at:
        place = (name, inside[0], at[str(inside[0])], *inside[1:])
        return dataclasses.replace(problem, inside=place)
    return problem


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return '; did you mean …? Allowed: …' for an error about ``word``."""
    names = sorted(allowed)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    return f"{hint} allowed: {shown}" if names else hint + " nothing is allowed here"


@functools.cache
def _schema_of(kind: type[Parameters]) -> type[BaseModel]:
    """Return the strict pydantic model with the fields of the dataclass ``kind``."""
    hints = get_type_hints(kind, include_extras=True)
    fields: dict[str, Any] = {
        field.name: (hints[field.name], _default_of(field))
        for field in dataclasses.fields(kind)
        if field.init
    }
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(kind.__name__, __config__=config, **fields)


def _default_of(field: dataclasses.Field[Any]) -> Any:
    """Return the default of a dataclass's field as pydantic takes it."""
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory)
    return ... if field.default is dataclasses.MISSING else field.default


def _name_and_parameters(raw: Any, axis: str) -> tuple[str, dict[str, Any]]:
    if isinstance(raw, str):
        return raw, {}
    if isinstance(raw, Mapping) and len(raw) == 1:
        ((name, given),) = raw.items()
        if isinstance(name, str) and given is None:
            return name, {}
        if isinstance(name, str) and isinstance(given, Mapping):
            return name, {key: _frozen(value) for key, value in given.items()}
    raise InputError(
        f"{axis} {raw!r} is neither a name nor a name with parameters, "
        f"such as {{{axis}_name: {{parameter: value}}}}"
    )


def _parameter_problem(axis: str, name: str, detail: Any, allowed: list[str]) -> Problem:
    where = ".".join(str(part) for part in detail["loc"])
    inside = (name, *detail["loc"])
    if detail["type"] == "extra_forbidden":
        message = f"{axis} {name!r} has no parameter {where!r}{did_you_mean(where, allowed)}"
        return Problem(message, inside=inside)
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    given = "" if detail["type"] == "missing" else f" (given: {detail['input']!r})"
    return Problem(f"{axis} {name!r}, parameter {where!r}: {message}{given}", inside=inside)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _plain(value: Any) -> str:
    return str(value) if not isinstance(value, list) else "[" + " ".join(map(str, value)) + "]"
