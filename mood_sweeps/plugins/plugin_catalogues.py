"""The catalogues that a plugin can add to, a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from mood_sweeps.choice import Choice

__all__ = ["PLUGIN_CATALOGUES", "Contract", "PluginCatalogue"]


class Contract(Protocol):
    """A module that knows what the classes of a catalogue promise; the plugin's process imports it.

    complete: gives classes the promises that they leave out and that have defaults.
    contract_problems: what keeps a class from being the entry with a name.
    facts_of: what planning reads of a class, plain values by name.
    check_choice: raises InputError, or any error of the plugin's, where a choice cannot be used.
    """

    complete: Callable[[Any], None]
    contract_problems: Callable[[Any, Any], list[str]]
    facts_of: Callable[[type[Any]], dict[str, Any]]
    check_choice: Callable[[str, Choice[Any]], None]


@dataclass(frozen=True)
class PluginCatalogue:
    """A catalogue that plugins can add to.

    noun: what messages call an entry. variable: of a plugin's file, a dict from names to classes.
    contract: module of the `Contract`. main_method: its line stands for an entry in messages.
    """

    noun: str
    variable: str
    contract: str
    main_method: str

    @property
    def group(self) -> str:
        """The entry points by which installed packages offer entries."""
        return f"mood_sweeps.{self.variable.lower()}"

    def load_contract(self) -> Contract:
        """Return the contract's module."""
        return cast(Contract, import_module(f"mood_sweeps.plugins.{self.contract}"))


PLUGIN_CATALOGUES: Mapping[str, PluginCatalogue] = {
    "scorers": PluginCatalogue("scorer", "SCORERS", "scorer_contract", "fit"),
    "backbones": PluginCatalogue("backbone", "BACKBONES", "backbone_contract", "build"),
}
