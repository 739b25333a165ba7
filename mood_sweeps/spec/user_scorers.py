"""The plugins that an experiment file lists, as one set of scorers beside the package's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mood_sweeps.choice import Catalogue
from mood_sweeps.errors import InputError
from mood_sweeps.spec.part import Part
from mood_sweeps.spec.plugins import load_plugin
from mood_sweeps.spec.sweep import Plugin

__all__ = ["UserScorers", "read_plugins"]


@dataclass(frozen=True)
class UserScorers:
    """Scorers from plugins: the classes, and the digests of their files, by name.

    complete: every plugin loaded; if not, an unknown name may well be one of theirs.
    """

    plugins: tuple[Plugin, ...]
    kinds: Mapping[str, type[Any]]
    digests: Mapping[str, str]
    complete: bool


def read_plugins(part: Part | None, folder: Path, built_in: Catalogue) -> UserScorers:
    """Read ``plugins:``, paths relative to ``folder``, noting every problem on the way.

    built_in: the package's scorers, whose names are taken.
    """
    plugins: dict[str, Plugin] = {}
    kinds: dict[str, type[Any]] = {}
    digests: dict[str, str] = {}
    complete = True
    for item in part.items("'plugins'", "my_scorer.py") if part else []:
        path = item.text("a plugin")
        if path is None:
            complete = False
            continue
        try:
            plugin, scorers = load_plugin(folder / path, path)
        except InputError as error:
            item.complain_of(error)
            complete = False
            continue
        if plugin.digest in plugins:
            item.complain(f"plugin {path!r} is listed twice")
            continue
        plugins[plugin.digest] = plugin
        for name, kind in scorers.items():
            if name in built_in or name in kinds:
                owner = "another plugin" if name in kinds else "the package"
                item.complain(f"plugin {path!r}: {owner} has a scorer {name!r} already; rename it")
            else:
                kinds[name], digests[name] = kind, plugin.digest
    return UserScorers(tuple(plugins.values()), kinds, digests, complete)
