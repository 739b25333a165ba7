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
from mood_sweeps.plugins.scorer_contract import complete, contract_problems

__all__ = ["load_scorers", "source_digest"]


def load_scorers(plugin: Plugin) -> Mapping[str, type[Any]]:
    """Return a plugin's scorers by name, running its source unless this process did so before.

    Raises InputError if it does not import, defines no scorers or ones that break the contract.
    """
    name = f"mood_sweeps_plugin_{plugin.key}"
    if name not in sys.modules:
        try:
            scorers = _READ[plugin.kind](plugin, name)
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
        complete(scorers)
        problems = _broken_promises(plugin, scorers)
        if problems:
            sys.modules.pop(name, None)
            raise InputError("; ".join(problems))
        sys.modules.setdefault(name, ModuleType(name)).__dict__["SCORERS"] = scorers
    found: dict[str, type[Any]] = dict(sys.modules[name].__dict__["SCORERS"])
    return found


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
    return getattr(module, "SCORERS", None)


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
    return {plugin.source: kind}


def source_digest(kind: type[Any]) -> str:
    """Return the SHA-256 of the file that defines an installed scorer, without what it imports."""
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
    return classes


_READ = {"file": _run_file, "installed": _import_installed, "classes": _unpickle}


def _shown(plugin: Plugin) -> str:
    return {
        "file": f"plugin {plugin.path!r}",
        "installed": f"scorer {plugin.source!r} of entry point {plugin.path!r}",
        "classes": plugin.path,
    }[plugin.kind]


def _broken_promises(plugin: Plugin, scorers: Any) -> list[str]:
    """Return what is wrong with a plugin's SCORERS."""
    if not isinstance(scorers, dict) or not scorers:
        return [f'{_shown(plugin)} defines no SCORERS = {{"name": ScorerClass}}']
    return [
        f"{_shown(plugin)}: {problem}"
        if plugin.kind == "installed"
        else f"{_shown(plugin)}, scorer {name!r}: {problem}"
        for name, kind in scorers.items()
        for problem in contract_problems(name, kind)
    ]
