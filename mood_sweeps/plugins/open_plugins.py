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
from mood_sweeps.plugins.declared_entries import DeclaredEntry
from mood_sweeps.plugins.declared_scorers import AnyScorer, DeclaredScorer, Plugin
from mood_sweeps.plugins.plugin_catalogues import PLUGIN_CATALOGUES
from mood_sweeps.plugins.plugin_process import PluginProcess, Refused
from mood_sweeps.plugins.stand_ins import Opaque, Parameter
from mood_sweeps.scorers import Scorer

__all__ = ["OpenPlugins", "installed_names", "plugin_of_classes"]

READING_S = 60.0
"""How long a plugin may take to check the parameters of one item of an axis."""
MOST_BYTES = 16 * 1024 * 1024
"""Of a plugin file: it travels with every call that uses it."""


class OpenPlugins:
    """The plugins of one sweep, each read in a process of its own, until they are closed.

    A package offers a scorer by ``[project.entry-points."mood_sweeps.scorers"]`` with ``name =
    "package.module:Class"``, an entry of another catalogue by that one's group. The bytes of its
    class's file are part of the identity of what it computes, as a plugin file's are; what that
    file imports is not.
    """

    def __init__(self) -> None:
        self.plugins: dict[str, Plugin] = {}
        self._declared: dict[str, DeclaredScorer] = {}
        self._entries: dict[tuple[str, str], DeclaredEntry] = {}
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

    def names_in(self, catalogue: str) -> tuple[str, ...]:
        """The entries that the plugins have in a catalogue."""
        if catalogue == "scorers":
            return self.names
        return tuple(name for of, name in self._entries if of == catalogue)

    def add_file(self, path: Path, shown: str) -> tuple[tuple[str, str], ...]:
        """Read a user's file; return (catalogue, name) of its entries.

        shown: how the user names it. Raises InputError (without a place) if it cannot be read, does
        not import, or has no entries or ones that break the contract.
        """
        content = _content(path, shown)
        digest = hashlib.sha256(content).hexdigest()
        for other in self.plugins.values():
            if other.digest == digest:
                same = Path(other.path).name == Path(shown).name
                how = "is listed twice" if same else f"has the same content as {other.path!r}"
                raise InputError(f"plugin {shown!r} {how}")
        return self.add(Plugin("file", shown, digest, content.decode("utf-8-sig")))

    def add_installed(self, name: str, catalogue: str = "scorers") -> bool:
        """Read the entry that an installed package offers under ``name``; False if none does.

        Raises InputError if several do, it does not import or breaks the contract.
        """
        of = PLUGIN_CATALOGUES[catalogue]
        offered = {point.value for point in entry_points(group=of.group, name=name)}
        if len(offered) > 1:
            raise InputError(f"several packages offer a {of.noun} {name!r}: uninstall all but one")
        for value in offered:
            self.add(Plugin("installed", value, "", name, catalogue))
        return bool(offered)

    def add(self, plugin: Plugin) -> tuple[tuple[str, str], ...]:
        """Have a plugin described by its process; return (catalogue, name) of its entries."""
        process = PluginProcess(plugin, READING_S)
        try:
            described = _answered(process, process.described)
            try:
                digest = plugin.digest or str(described[0]["digest"])
                plugin = dataclasses.replace(plugin, digest=digest)
                declared = [_declared(plugin, one) for one in described]
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                why = f"what it says of its entries cannot be read: {one_line(error)}"
                raise InputError(f"plugin {plugin.path!r}: {why}") from None
        except BaseException:
            process.close()
            raise
        self.plugins[plugin.key] = plugin
        self._processes[plugin.key] = process
        for one in declared:
            if isinstance(one, DeclaredScorer):
                self._declared[one.name] = one
            else:
                self._entries[one.catalogue, one.name] = one
        return tuple(
            ("scorers" if isinstance(one, DeclaredScorer) else one.catalogue, one.name)
            for one in declared
        )

    def choose(self, raw: Any, catalogue: str) -> tuple[Choice[Any], ...] | None:
        """Read one item of an axis, which may be a grid; None where no plugin has the name.

        catalogue: of the axis, any but the scorers. Raises InputError as `choice.choose_all` does,
        and where a plugin's process finds that an entry cannot be used.
        """
        declared = self._entries.get((catalogue, str(_name_of(raw))))
        if declared is None:
            return None
        chosen = self._ask_to_choose(raw, catalogue, declared.plugin, declared.place)
        return tuple(_choice(declared, one) for one in chosen)

    def choose_all(self, raw: Any, catalogue: Catalogue[Scorer]) -> tuple[Choice[AnyScorer], ...]:
        """Read one item of the scorer axis, as `choice.choose_all` does.

        catalogue: the package's own scorers.
        """
        name = _name_of(raw)
        if not isinstance(name, str) or name not in self._declared:
            every: dict[str, type[AnyScorer]] = {**catalogue}
            every |= {name: declared.kind for name, declared in self._declared.items()}
            return choose_all(raw, every, "scorer")
        declared = self._declared[name]
        place = declared.place_of("fit")
        chosen = self._ask_to_choose(raw, "scorers", declared.plugin, place)
        return tuple(_choice(declared, one) for one in chosen)

    def _ask_to_choose(self, raw: Any, catalogue: str, plugin: Plugin, place: str) -> Any:
        process = self._processes[plugin.key]

        def ask() -> Any:
            try:
                json.dumps(raw)
            except (TypeError, ValueError) as error:  # a Python program may pass anything
                noun = PLUGIN_CATALOGUES[catalogue].noun
                raise InputError(f"{noun} {_name_of(raw)!r}: {error}") from None
            request = {"raw": raw, "catalogue": catalogue}
            return process.ask("choose", request, place, "while it took parameters")

        return _answered(process, ask)


def installed_names(catalogue: str) -> dict[str, str]:
    """Return what installed packages offer for a catalogue: name → ``package.module:Class``.

    Reads the records of the packages and imports none of them.
    """
    points = entry_points(group=PLUGIN_CATALOGUES[catalogue].group)
    return {point.name: point.value for point in sorted(points, key=lambda one: one.name)}


def _name_of(raw: Any) -> Any:
    return next(iter(raw), None) if isinstance(raw, Mapping) else raw


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


def _declared(plugin: Plugin, described: Mapping[str, Any]) -> DeclaredScorer | DeclaredEntry:
    name, class_name = str(described["name"]), str(described["class_name"])
    facts, catalogue = described["facts"], str(described["catalogue"])
    places = tuple((str(name), str(place)) for name, place in described["places"].items())
    parameters = tuple(_parameter(one) for one in described["parameters"])
    if catalogue != "scorers":
        known = tuple((str(fact), _plain(value)) for fact, value in facts.items())
        return DeclaredEntry(plugin, catalogue, name, class_name, places[0][1], known, parameters)
    return DeclaredScorer(
        plugin=plugin,
        name=name,
        class_name=class_name,
        places=places,
        version=int(facts["version"]),
        family=str(facts["family"]),
        needs=tuple(map(str, facts["needs"])),
        fits_on=str(facts["fits_on"]),
        learns_nothing=bool(facts["learns_nothing"]),
        has_notes=bool(facts["has_notes"]),
        parameters=parameters,
    )


def _parameter(described: Mapping[str, Any]) -> Parameter:
    return Parameter(
        str(described["name"]),
        bool(described["has_default"]),
        _plain(described["default"]),
        bool(described["is_out_of_keys"]),
    )


def _choice(declared: DeclaredScorer | DeclaredEntry, chosen: Mapping[str, Any]) -> Choice[Any]:
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
