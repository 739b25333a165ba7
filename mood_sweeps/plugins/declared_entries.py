"""What this package knows of a plugin's backbones without running any of the plugin's code.

As `declared_scorers` for scorers: here, where sweeps are planned, each entry is represented by a
dataclass with the same parameters, made from what the plugin's process said of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.plugins.declared_scorers import Plugin, PluginScorer, declared_of
from mood_sweeps.plugins.stand_ins import Parameter, stand_in, values_of

__all__ = ["DeclaredEntry", "PluginBackbone", "PluginEntry", "entry_of", "plugin_of"]


@dataclass(frozen=True)
class DeclaredEntry:
    """An entry of a catalogue as its plugin's process describes it.

    catalogue: a key of `PLUGIN_CATALOGUES`. class_name: of its class. place: ``file:line`` as
    messages name it. facts: what planning reads of the class, by name.
    """

    plugin: Plugin
    catalogue: str
    name: str
    class_name: str
    place: str
    facts: tuple[tuple[str, Any], ...]
    parameters: tuple[Parameter, ...]

    @property
    def kind(self) -> type[PluginEntry]:
        """The dataclass with the entry's parameters; the same one for the same source."""
        key = self.plugin.key, self.catalogue, self.name
        if key not in _KINDS:
            base, facts = _BASES[self.catalogue], dict(self.facts)
            _KINDS[key] = stand_in(self.class_name, self.parameters, base, facts)
            _DECLARED[_KINDS[key]] = self
        return _KINDS[key]


class PluginEntry:
    """Base of the dataclasses that stand for entries of plugins: parameters, and nothing to run."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    version: ClassVar[int]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (entry_of(self), values_of(self))


class PluginBackbone(PluginEntry, Backbone):
    """Stands for a backbone of a plugin."""


_BASES: Mapping[str, type[PluginEntry]] = {"backbones": PluginBackbone}
_KINDS: dict[tuple[str, str, str], type[PluginEntry]] = {}
# Not an attribute of the classes: a parameter may have any name.
_DECLARED: dict[type[PluginEntry], DeclaredEntry] = {}


def entry_of(parameters: PluginEntry) -> DeclaredEntry:
    """Return what is known of an entry of a plugin."""
    return _DECLARED[type(parameters)]


def plugin_of(parameters: object) -> Plugin | None:
    """Return the plugin that the parameters of a choice are of; None for the package's own."""
    if isinstance(parameters, PluginScorer):
        return declared_of(parameters).plugin
    return entry_of(parameters).plugin if isinstance(parameters, PluginEntry) else None


def _rebuilt(declared: DeclaredEntry, values: Mapping[str, Any]) -> PluginEntry:
    return declared.kind(**values)
