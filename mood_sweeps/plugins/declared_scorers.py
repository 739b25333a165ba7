"""What this package knows of a plugin's scorers without running any of the plugin's code.

A plugin is code from outside the package. It runs in processes of its own (`plugin_process.py`);
here, where sweeps are planned and networks trained, each of its scorers is represented by a
dataclass with the same parameters, made from what the plugin's process said of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mood_sweeps.identity import key_of
from mood_sweeps.plugins.stand_ins import Parameter, stand_in, values_of
from mood_sweeps.scorers import Scorer

__all__ = ["AnyScorer", "DeclaredScorer", "Plugin", "PluginScorer", "declared_of"]


@dataclass(frozen=True)
class Plugin:
    """Code from outside the package, with entries of catalogues in it.

    kind: ``file`` (a Python file of the user's), ``installed`` (a class of an installed package)
        or ``classes`` (classes that a Python program passed, as cloudpickle wrote them).
    path: how the user names it: the file as the experiment names it, or ``package.module:Class``.
    digest: SHA-256 of the source, hexadecimal.
    source: the file's text, the name of an installed class's entry, or the pickled classes.
    catalogue: of an installed class's entry, a key of `PLUGIN_CATALOGUES`; classes are scorers.
    """

    kind: Literal["file", "installed", "classes"]
    path: str
    digest: str
    source: str | bytes = dataclasses.field(repr=False)
    catalogue: str = "scorers"

    @property
    def key(self) -> str:
        """What tells it from other plugins, also of the same file: 16 hexadecimal digits."""
        return key_of([self.kind, self.path, self.digest])[:16]


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
            facts = {name: getattr(self, name) for name in _FACTS}
            _KINDS[key] = stand_in(self.class_name, self.parameters, PluginScorer, facts)
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

_FACTS = ("version", "family", "needs", "fits_on", "learns_nothing")
_KINDS: dict[tuple[str, str], type[PluginScorer]] = {}
# Not an attribute of the classes: a parameter may have any name.
_DECLARED: dict[type[PluginScorer], DeclaredScorer] = {}


def declared_of(scorer: PluginScorer) -> DeclaredScorer:
    """Return what is known of a plugin's scorer."""
    return _DECLARED[type(scorer)]


def _rebuilt(declared: DeclaredScorer, values: Mapping[str, Any]) -> PluginScorer:
    return declared.kind(**values)
