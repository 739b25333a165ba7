"""``plugins:``, the files with scorers of the user's own that an experiment file lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.choice import Catalogue
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.yaml_node import YamlNode
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.open_plugins import OpenPlugins

__all__ = ["UserScorers", "read_plugins"]


@dataclass(frozen=True)
class UserScorers:
    """Scorers from outside the package.

    files: the plugins that the experiment lists. open: the same, and installed packages' scorers.
    complete: every plugin loaded; if not, an unknown name may well be one of theirs.
    """

    files: tuple[Plugin, ...]
    open: OpenPlugins
    complete: bool


def read_plugins(
    part: YamlNode | None, folder: Path, built_in: Catalogue, open_plugins: OpenPlugins
) -> UserScorers:
    """Read ``plugins:``, paths relative to ``folder``, noting every problem on the way.

    built_in: the package's scorers; their names are taken. open_plugins: takes what is read.
    """
    complete = True
    for item in part.items("'plugins'", "my_scorer.py") if part else []:
        path = item.text("a plugin")
        if path is None:
            complete = False
            continue
        before = set(open_plugins.names)
        try:
            names = open_plugins.add_file(folder / path, path)
        except InputError as error:
            item.add_problem_of(error)
            complete = False
            continue
        for name in names:
            if name in built_in or name in before:
                owner = "another plugin" if name in before else "the package"
                item.add_problem(
                    f"plugin {path!r}: {owner} has a scorer {name!r} already; rename it"
                )
    return UserScorers(tuple(open_plugins.plugins.values()), open_plugins, complete)
