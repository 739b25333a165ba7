"""Run a plugin's code in this very process: the plugin's own, or any one under a debugger."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import linecache
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mood_sweeps.errors import InputError, one_line
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.plugin_catalogues import PLUGIN_CATALOGUES

__all__ = ["first_line", "load_catalogues", "load_scorers", "source_digest"]

Kinds = Mapping[str, type[Any]]
_FOUND = "mood_sweeps catalogues"  # no plugin can have an attribute of this name


def load_scorers(plugin: Plugin) -> Kinds:
    """Return a plugin's scorers by name; see `load_catalogues`."""
    return load_catalogues(plugin).get("scorers", {})


def load_catalogues(plugin: Plugin) -> Mapping[str, Kinds]:
    """Return a plugin's classes by catalogue (a key of `PLUGIN_CATALOGUES`) and name.

    Its source runs unless it did so in this process before. Raises InputError if it does not
    import, has no entry of any catalogue, or one that breaks the contract.
    """
    name = f"mood_sweeps_plugin_{plugin.key}"
    if name not in sys.modules:
        try:
            found = _READ[plugin.kind](plugin, name)
        except InputError:
            sys.modules.pop(name, None)
            raise
        except BaseException as error:
            sys.modules.pop(name, None)
            line = _line_inside(error, plugin.path)
            place = f"line {line}: " if line else ""
            raise InputError(
                f"{_shown(plugin)} does not import: {place}{_reason(error)}"
            ) from error
        problems = _broken_promises(plugin, found)
        if problems:
            sys.modules.pop(name, None)
            raise InputError("; ".join(problems))
        sys.modules.setdefault(name, ModuleType(name)).__dict__[_FOUND] = found
    catalogues: dict[str, Kinds] = sys.modules[name].__dict__[_FOUND]
    return catalogues


def _line_inside(error: BaseException, path: str) -> int | None:
    """Return the last line of a plugin's file that an error went through, None if there is none."""
    if isinstance(error, SyntaxError):
        return error.lineno
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == path
    ]
    return lines[-1] if lines else None


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):  # its text repeats the file and the line
        return f"{type(error).__name__}: {error.msg}"
    return one_line(error).rstrip(": ")


def _run_file(plugin: Plugin, name: str) -> Any:
    assert isinstance(plugin.source, str)
    module = ModuleType(name)
    module.__file__ = plugin.path
    # Tracebacks show the lines that ran, also on a host that has no such file.
    lines = plugin.source.splitlines(keepends=True)
    linecache.cache[plugin.path] = (len(plugin.source), None, lines, plugin.path)
    sys.modules[name] = module  # dataclasses and type hints look their module up by name
    exec(compile(plugin.source, plugin.path, "exec", dont_inherit=True), module.__dict__)
    return {
        catalogue: getattr(module, one.variable)
        for catalogue, one in PLUGIN_CATALOGUES.items()
        if getattr(module, one.variable, None) is not None
    }


def _import_installed(plugin: Plugin, _name: str) -> Any:
    module, _, attribute = plugin.path.partition(":")
    kind: Any = importlib.import_module(module)
    for part in attribute.split("."):
        kind = getattr(kind, part)
    if plugin.digest and source_digest(kind) != plugin.digest:
        raise InputError(
            f"{_shown(plugin)}: the package installed here has another source than the one that "
            "the sweep was planned with"
        )
    return {plugin.catalogue: {plugin.source: kind}}


def source_digest(kind: type[Any]) -> str:
    """Return the SHA-256 of the file that defines an installed class, without what it imports."""
    return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()


def _unpickle(plugin: Plugin, _name: str) -> Any:
    import cloudpickle  # late: only classes that a Python program passed need it

    classes: dict[str, type[Any]] = cloudpickle.loads(plugin.source)
    for kind in classes.values():
        for field in getattr(kind, "__dataclass_fields__", {}).values():
            for name in ("default", "default_factory", "kw_only"):
                # It was copied, and is told from a default by being the one there is.
                if type(getattr(field, name)) is type(dataclasses.MISSING):
                    setattr(field, name, dataclasses.MISSING)
    return {"scorers": classes}


_READ = {"file": _run_file, "installed": _import_installed, "classes": _unpickle}


def _shown(plugin: Plugin) -> str:
    return {
        "file": f"plugin {plugin.path!r}",
        "installed": f"{PLUGIN_CATALOGUES[plugin.catalogue].noun} {plugin.source!r} of entry point "
        f"{plugin.path!r}",
        "classes": plugin.path,
    }[plugin.kind]


def _broken_promises(plugin: Plugin, found: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a plugin's catalogues."""
    problems = [
        f"{_shown(plugin)}: {PLUGIN_CATALOGUES[catalogue].variable} must be a dict from names to "
        "classes"
        for catalogue, kinds in found.items()
        if not isinstance(kinds, dict)
    ]
    if problems:
        return problems
    if not any(found.values()):
        others = [one.variable for one in PLUGIN_CATALOGUES.values() if one.variable != "SCORERS"]
        return [
            f'{_shown(plugin)} defines no SCORERS = {{"name": ScorerClass}} '
            f"(nor {', '.join(others)})"
        ]
    for catalogue, kinds in found.items():
        one = PLUGIN_CATALOGUES[catalogue]
        contract = one.load_contract()
        contract.complete(kinds)
        for name, kind in kinds.items():
            line = first_line(plugin, kind)
            place = f", line {line}" if line else ""
            entry = "" if plugin.kind == "installed" else f", {one.noun} {name!r}"
            problems += [
                f"{_shown(plugin)}{place}{entry}: {problem}"
                for problem in contract.contract_problems(name, kind)
            ]
    return problems


def first_line(plugin: Plugin, kind: Any) -> int | None:
    """Return the line of a plugin's file where a class or function starts, None where unknown."""
    if plugin.kind != "file":
        return None
    try:
        return inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        return None
