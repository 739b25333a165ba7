"""Plugins while a sweep is planned: which scorers they have, and what is written of these."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mood_sweeps.choice import Catalogue, Choice, choose_all
from mood_sweeps.errors import InputError, PluginFailed, Problem, one_line
from mood_sweeps.plugins.declared_scorers import (
    AnyScorer,
    DeclaredScorer,
    Opaque,
    Parameter,
    Plugin,
)
from mood_sweeps.plugins.plugin_process import PluginProcess, Refused
from mood_sweeps.scorers import Scorer

__all__ = ["GROUP", "OpenPlugins", "plugin_of_classes"]

GROUP = "mood_sweeps.scorers"
"""The entry points by which installed packages offer scorers."""
READING_S = 60.0
"""How long a plugin may take to check the parameters of one scorer."""
MOST_BYTES = 16 * 1024 * 1024
"""Of a plugin file: it travels with every call that uses it."""


class OpenPlugins:
    """The plugins of one sweep, each read in a process of its own, until they are closed.

    A package offers a scorer by ``[project.entry-points."mood_sweeps.scorers"]`` with ``name =
    "package.module:Class"``. The bytes of its class's file are part of the identity of what it
    computes, as a plugin file's are; what that file imports is not.
    """

    def __init__(self) -> None:
        self.plugins: dict[str, Plugin] = {}
        self._declared: dict[str, DeclaredScorer] = {}
        self._processes: dict[str, PluginProcess] = {}

    def __enter__(self) -> OpenPlugins:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The scorers that the plugins have."""
        return tuple(self._declared)

    def add_file(self, path: Path, shown: str) -> tuple[str, ...]:
        """Read a user's file; return the names of its scorers.

        shown: how the user names it. Raises InputError (without a place) if it cannot be read, does
        not import, or defines no scorers or ones that break the contract.
        """
        content = _content(path, shown)
        digest = hashlib.sha256(content).hexdigest()
        for other in self.plugins.values():
            if other.digest == digest:
                same = Path(other.path).name == Path(shown).name
                how = "is listed twice" if same else f"has the same content as {other.path!r}"
                raise InputError(f"plugin {shown!r} {how}")
        return self.add(Plugin("file", shown, digest, content.decode("utf-8-sig")))

    def add_installed(self, name: str) -> bool:
        """Read the scorer that an installed package offers under ``name``; False if none does.

        Raises InputError if several do, it does not import or breaks the contract.
        """
        offered = {point.value for point in entry_points(group=GROUP, name=name)}
        if len(offered) > 1:
            raise InputError(f"several packages offer a scorer {name!r}: uninstall all but one")
        for value in offered:
            self.add(Plugin("installed", value, "", name))
        return bool(offered)

    def add(self, plugin: Plugin) -> tuple[str, ...]:
        """Have a plugin described by its process; return the names of its scorers."""
        process = PluginProcess(plugin, READING_S)
        try:
            described = _answered(process, process.described)
            try:
                digest = plugin.digest or str(described[0]["digest"])
                plugin = dataclasses.replace(plugin, digest=digest)
                declared = [_declared(plugin, one) for one in described]
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                why = f"what it says of its scorers cannot be read: {one_line(error)}"
                raise InputError(f"plugin {plugin.path!r}: {why}") from None
        except BaseException:
            process.close()
            raise
        self.plugins[plugin.key] = plugin
        for one in declared:
            self._declared[one.name] = one
            self._processes[one.name] = process
        return tuple(one.name for one in declared)

    def choose_all(self, raw: Any, catalogue: Catalogue[Scorer]) -> tuple[Choice[AnyScorer], ...]:
        """Read one item of the scorer axis, as `choice.choose_all` does.

        catalogue: the package's own scorers.
        """
        name = next(iter(raw), None) if isinstance(raw, Mapping) else raw
        if not isinstance(name, str) or name not in self._declared:
            every: dict[str, type[AnyScorer]] = {**catalogue}
            every |= {name: declared.kind for name, declared in self._declared.items()}
            return choose_all(raw, every, "scorer")
        declared = self._declared[name]
        process = self._processes[name]

        def ask() -> Any:
            try:
                json.dumps(raw)
            except (TypeError, ValueError) as error:  # a Python program may pass anything
                raise InputError(f"scorer {name!r}: {error}") from None
            place = declared.place_of("fit")
            return process.ask("choose", {"raw": raw}, place, "while it took parameters")

        return tuple(_choice(declared, one) for one in _answered(process, ask))


def _answered(process: PluginProcess, ask: Callable[[], Any]) -> Any:
    """Return the answer of a plugin's process; what it says, or that it fails, as InputError."""
    try:
        return ask()
    except Refused as refused:
        if refused.problems:
            raise InputError(_problems(refused)) from None
        raise InputError(f"plugin {process.plugin.path!r}: {refused.message}") from None
    except PluginFailed as error:
        raise InputError(f"plugin {process.plugin.path!r}: {error}") from None


def plugin_of_classes(classes: Mapping[str, type[Any]]) -> Plugin:
    """Return scorers that a Python program defines, as they travel to a process of their own.

    Raises InputError where they cannot.
    """
    import cloudpickle  # late: only a Python program brings classes

    try:
        content: bytes = cloudpickle.dumps(dict(classes))
    except Exception as error:
        raise InputError(
            f"user_scorers cannot be sent to a process of their own: {error}; "
            "define them in a file and name that in plugins"
        ) from None
    return Plugin("classes", "user_scorers", hashlib.sha256(content).hexdigest(), content)


def _content(path: Path, shown: str) -> bytes:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"plugin {shown!r} cannot be read: it is no regular file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"plugin {shown!r} is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"plugin {shown!r} cannot be read: {reason}") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"plugin {shown!r} has more than {MOST_BYTES:,} bytes")
    return content


def _declared(plugin: Plugin, described: Mapping[str, Any]) -> DeclaredScorer:
    return DeclaredScorer(
        plugin=plugin,
        name=str(described["name"]),
        class_name=str(described["class_name"]),
        places=tuple((str(name), str(place)) for name, place in described["places"].items()),
        version=int(described["version"]),
        family=str(described["family"]),
        needs=tuple(map(str, described["needs"])),
        fits_on=str(described["fits_on"]),
        learns_nothing=bool(described["learns_nothing"]),
        has_notes=bool(described["has_notes"]),
        parameters=tuple(_parameter(one) for one in described["parameters"]),
    )


def _parameter(described: Mapping[str, Any]) -> Parameter:
    return Parameter(
        str(described["name"]),
        bool(described["has_default"]),
        _plain(described["default"]),
        bool(described["is_out_of_keys"]),
    )


def _choice(declared: DeclaredScorer, chosen: Mapping[str, Any]) -> Choice[AnyScorer]:
    values = {name: _plain(value) for name, value in chosen["values"].items()}
    digest, given = declared.plugin.digest, frozenset(chosen["given"])
    return Choice(declared.name, declared.kind(**values), digest=digest, given=given)


def _plain(value: Any) -> Any:
    """Return a value of an answer as a parameter holds it."""
    if isinstance(value, list):
        return tuple(map(_plain, value))
    if isinstance(value, dict) and "mapping" in value:
        return {name: _plain(item) for name, item in value["mapping"].items()}
    return Opaque(str(value["opaque"])) if isinstance(value, dict) else value


def _problems(refused: Refused) -> Iterator[Problem]:
    for message, inside in refused.problems:
        yield Problem(message, inside=tuple(inside))
