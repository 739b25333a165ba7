"""Stand-ins: dataclasses with the parameters of a plugin's class, and none of its code."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mood_sweeps.choice import OUT_OF_KEYS

__all__ = ["Opaque", "Parameter", "stand_in", "values_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class Opaque:
    """A value that has no plain form, as its ``repr``; identity refuses it off its default."""

    shown: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of a plugin's class. default: a plain value, if it has one."""

    name: str
    has_default: bool
    default: Any
    is_out_of_keys: bool


def stand_in(
    class_name: str, parameters: Iterable[Parameter], base: type[T], facts: Mapping[str, Any]
) -> type[T]:
    """Return a frozen dataclass with these parameters, and the facts as class attributes."""
    kind: type[T] = dataclasses.make_dataclass(
        class_name,
        [(parameter.name, Any, _field_of(parameter)) for parameter in parameters],
        bases=(base,),
        namespace=dict(facts),
        frozen=True,
        kw_only=True,
    )
    return kind


def values_of(parameters: object) -> dict[str, Any]:
    """Return all parameters of a stand-in by name."""
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(parameters)  # type: ignore[arg-type]
    return {field.name: getattr(parameters, field.name) for field in fields}


def _field_of(parameter: Parameter) -> Any:
    metadata = OUT_OF_KEYS if parameter.is_out_of_keys else None
    if not parameter.has_default:
        return dataclasses.field(metadata=metadata)
    default = parameter.default
    if isinstance(default, dict):  # a dataclass refuses a default that can be changed
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
