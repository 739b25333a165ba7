"""What this package knows of a plugin's scorers without running any of the plugin's code.

A plugin is code from outside the package. It runs in processes of its own (`process.py`); here,
where sweeps are planned and networks trained, each of its scorers is represented by a dataclass
with the same parameters, made from what the plugin's process said of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mood_sweeps.choice import OUT_OF_KEYS
from mood_sweeps.identity import key_of
from mood_sweeps.scorers import Scorer

__all__ = [
    "AnyScorer",
    "DeclaredScorer",
    "Opaque",
    "Parameter",
    "Plugin",
    "PluginScorer",
    "declared_of",
    "values_of",
]


@dataclass(frozen=True)
class Plugin:
    """Code with scorers in it.

    kind: ``file`` (a Python file of the user's), ``installed`` (a class of an installed package)
        or ``classes`` (classes that a Python program passed, as cloudpickle wrote them).
    path: how the user names it: the file as the experiment names it, or ``package.module:Class``.
    digest: SHA-256 of the source, hexadecimal.
    source: the file's text, the name of an installed scorer, or the pickled classes.
    """

    kind: Literal["file", "installed", "classes"]
    path: str
    digest: str
    source: str | bytes = dataclasses.field(repr=False)

    @property
    def key(self) -> str:
        """What tells it from other plugins, also of the same file: 16 hexadecimal digits."""
        return key_of([self.kind, self.path, self.digest])[:16]


@dataclass(frozen=True)
class Opaque:
    """A value that has no plain form, as its ``repr``; identity refuses it off its default."""

    shown: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of a scorer. default: a plain value, if it has one."""

    name: str
    has_default: bool
    default: Any
    is_out_of_keys: bool


@dataclass(frozen=True)
class DeclaredScorer:
    """A scorer as its plugin's process describes it.

    class_name: of its class. has_notes: whether it has notes of its own. places: ``file:line``
    where ``fit``, ``score`` and ``notes`` start, as messages name them. The rest is what
    `mood_sweeps.scorers.Scorer` promises.
    """

    plugin: Plugin
    name: str
    class_name: str
    places: tuple[tuple[str, str], ...]
    version: int
    family: str
    needs: tuple[str, ...]
    fits_on: str
    learns_nothing: bool
    has_notes: bool
    parameters: tuple[Parameter, ...]

    @property
    def kind(self) -> type[PluginScorer]:
        """The dataclass with the scorer's parameters; the same one for the same source."""
        key = self.plugin.key, self.name
        if key not in _KINDS:
            _KINDS[key] = _kind_of(self)
            _DECLARED[_KINDS[key]] = self
        return _KINDS[key]

    def place_of(self, method: str) -> str:
        """Return ``file:line`` of a method."""
        return dict(self.places)[method]


class PluginScorer:
    """Base of the dataclasses that stand for plugins' scorers: parameters, and nothing to run."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    version: ClassVar[int]
    family: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    fits_on: ClassVar[str]
    learns_nothing: ClassVar[bool]
    pooled_form: ClassVar[str | None] = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (declared_of(self), values_of(self))


AnyScorer = Scorer | PluginScorer
"""A value of the scorer axis: a scorer of the package, or what stands for a plugin's."""

_KINDS: dict[tuple[str, str], type[PluginScorer]] = {}
# Not an attribute of the classes: a parameter may have any name.
_DECLARED: dict[type[PluginScorer], DeclaredScorer] = {}


def declared_of(scorer: PluginScorer) -> DeclaredScorer:
    """Return what is known of a plugin's scorer."""
    return _DECLARED[type(scorer)]


def values_of(scorer: PluginScorer) -> dict[str, Any]:
    """Return all parameters by name."""
    return {field.name: getattr(scorer, field.name) for field in dataclasses.fields(scorer)}


def _kind_of(declared: DeclaredScorer) -> type[PluginScorer]:
    promises = ("version", "family", "needs", "fits_on", "learns_nothing")
    namespace = {name: getattr(declared, name) for name in promises}
    kind: type[PluginScorer] = dataclasses.make_dataclass(
        declared.class_name,
        [(parameter.name, Any, _field_of(parameter)) for parameter in declared.parameters],
        bases=(PluginScorer,),
        namespace=namespace,
        frozen=True,
        kw_only=True,
    )
    return kind


def _field_of(parameter: Parameter) -> Any:
    metadata = OUT_OF_KEYS if parameter.is_out_of_keys else None
    if not parameter.has_default:
        return dataclasses.field(metadata=metadata)
    default = parameter.default
    if isinstance(default, dict):  # a dataclass refuses a default that can be changed
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _rebuilt(declared: DeclaredScorer, values: Mapping[str, Any]) -> PluginScorer:
    return declared.kind(**values)
