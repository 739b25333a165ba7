"""``plugins:``, the files with the user's own scorers that an experiment file lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.choice import Catalogue
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.yaml_node import YamlNode
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.open_plugins import OpenPlugins
from mood_sweeps.scorers import Scorer

__all__ = ["UserScorers", "read_plugins"]


@dataclass(frozen=True)
class UserScorers:
    """Scorers from outside the package.

    listed: the plugins that the experiment lists. open_plugins: these and the scorers of installed
    packages. all_loaded: False if a plugin failed to load: an unknown name may be a scorer of it.
    """

    listed: tuple[Plugin, ...]
    open_plugins: OpenPlugins
    all_loaded: bool


def read_plugins(
    part: YamlNode | None, folder: Path, built_in: Catalogue[Scorer], open_plugins: OpenPlugins
) -> UserScorers:
    """Read ``plugins:``, paths relative to ``folder``, noting every problem on the way.

    built_in: the package's scorers; a plugin cannot use their names. open_plugins: the plugins are
    added to it.
    """
    all_loaded = True
    for item in part.items("'plugins'", "my_scorer.py") if part else []:
        path = item.text("a plugin")
        if path is None:
            all_loaded = False
            continue
        earlier_names = set(open_plugins.names)
        try:
            names = open_plugins.add_file(folder / path, path)
        except InputError as error:
            item.add_problem_of(error)
            all_loaded = False
            continue
        for name in names:
            if name in built_in or name in earlier_names:
                owner = "another plugin" if name in earlier_names else "the package"
                item.add_problem(
                    f"plugin {path!r}: {owner} has a scorer {name!r} already; rename it"
                )
    return UserScorers(tuple(open_plugins.plugins.values()), open_plugins, all_loaded)
