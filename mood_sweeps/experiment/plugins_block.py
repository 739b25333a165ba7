"""``plugins:``, the files with entries of catalogues that an experiment file lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mood_sweeps.choice import Choice, Parameters
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.yaml_node import YamlNode
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.open_plugins import OpenPlugins
from mood_sweeps.plugins.plugin_catalogues import PLUGIN_CATALOGUES

__all__ = ["UserScorers", "read_plugins"]

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class UserScorers:
    """Entries of catalogues from outside the package.

    listed: the plugins that the experiment lists. open_plugins: these and the entries of installed
    packages. all_loaded: False if a plugin failed to load: an unknown name may be an entry of it.
    is_taken: by catalogue, whether the package has an entry of a name.
    """

    listed: tuple[Plugin, ...]
    open_plugins: OpenPlugins
    all_loaded: bool
    is_taken: Mapping[str, Callable[[str], bool]]

    def choose(
        self, raw: Any, catalogue: str, own: Callable[[Any], tuple[Choice[P], ...]]
    ) -> tuple[Choice[P], ...] | None:
        """Read one item of an axis; None for an unknown name while a plugin failed to load.

        catalogue: of the axis, a key of `PLUGIN_CATALOGUES`. own: reads the package's own entries;
        raises InputError for an unknown name, and so does this.
        """
        name = next(iter(raw), None) if isinstance(raw, Mapping) else raw
        if isinstance(name, str) and not self.is_taken[catalogue](name):
            if name not in self.open_plugins.names_in(catalogue):
                # Only for an unknown name: searching all installed packages takes a while.
                is_known = self.open_plugins.add_installed(name, catalogue)
                if not is_known and not self.all_loaded:
                    return None
            found = self.open_plugins.choose(raw, catalogue)
            if found is not None:
                return found
        return own(raw)


def read_plugins(
    part: YamlNode | None,
    folder: Path,
    is_taken: Mapping[str, Callable[[str], bool]],
    open_plugins: OpenPlugins,
) -> UserScorers:
    """Read ``plugins:``, paths relative to ``folder``, noting every problem on the way.

    is_taken: see `UserScorers`; a plugin cannot use these names. open_plugins: the plugins are
    added to it.
    """
    all_loaded = True
    for item in part.items("'plugins'", "my_scorer.py") if part else []:
        path = item.text("a plugin")
        if path is None:
            all_loaded = False
            continue
        earlier = {
            (catalogue, name)
            for catalogue in PLUGIN_CATALOGUES
            for name in open_plugins.names_in(catalogue)
        }
        try:
            added = open_plugins.add_file(folder / path, path)
        except InputError as error:
            item.add_problem_of(error)
            all_loaded = False
            continue
        for catalogue, name in added:
            if (catalogue, name) in earlier or is_taken[catalogue](name):
                owner = "another plugin" if (catalogue, name) in earlier else "the package"
                noun = PLUGIN_CATALOGUES[catalogue].noun
                item.add_problem(
                    f"plugin {path!r}: {owner} has a {noun} {name!r} already; rename it"
                )
    return UserScorers(tuple(open_plugins.plugins.values()), open_plugins, all_loaded, is_taken)
