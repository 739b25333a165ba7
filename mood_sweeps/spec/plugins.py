"""User scorers: a Python file that defines ``SCORERS = {"name": ScorerClass}``.

The classes follow the contract of ``mood_sweeps.scorers``. The file's digest enters the identity
of what is made with it, so an edited file never meets old results; only the file itself is
digested, which is why it cannot import its neighbours.

Instances pickle with the file's text and load it where they arrive: a worker needs neither the
file nor a call.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import hashlib
import linecache
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mood_sweeps.errors import InputError
from mood_sweeps.spec.contract import complete, contract_problems
from mood_sweeps.spec.sweep import Plugin

__all__ = ["ensure_loaded", "load_plugin"]


def load_plugin(path: Path, shown: str) -> tuple[Plugin, Mapping[str, type[Any]]]:
    """Read and run a user's file; return it and its scorers by name.

    shown: how the sweep's file names it. Raises InputError (without a place) if it cannot be
    read, does not run, or defines no scorers or ones that break the contract.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"plugin {shown!r} is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"plugin {shown!r} cannot be read: {reason}") from None
    plugin = Plugin(shown, hashlib.sha256(content).hexdigest(), text)
    return plugin, ensure_loaded(plugin)


def ensure_loaded(plugin: Plugin) -> Mapping[str, type[Any]]:
    """Return a plugin's scorers, running its text unless this process did so before.

    Raises InputError as :func:`load_plugin` does.
    """
    name = f"mood_sweeps_plugin_{plugin.digest[:16]}"
    if name not in sys.modules:
        module = _run(plugin, name)
        complete(getattr(module, "SCORERS", None))
        problems = _broken_promises(plugin.path, getattr(module, "SCORERS", None))
        if problems:
            del sys.modules[name]
            raise InputError("; ".join(problems))
        for scorer, kind in module.SCORERS.items():
            copyreg.pickle(kind, functools.partial(_reduce, plugin, scorer))
    scorers: dict[str, type[Any]] = dict(sys.modules[name].SCORERS)
    return scorers


def _run(plugin: Plugin, name: str) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = plugin.path
    # Tracebacks show the lines that ran, also on a host that has no such file.
    lines = plugin.text.splitlines(keepends=True)
    linecache.cache[plugin.path] = (len(plugin.text), None, lines, plugin.path)
    sys.modules[name] = module  # dataclasses and type hints look their module up by name
    try:
        exec(compile(plugin.text, plugin.path, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(
            f"plugin {plugin.path!r} does not import: {_cause(error, plugin.path)}"
        ) from error
    return module


def _cause(error: BaseException, path: str) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)]
    names = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    inside = [line for line, name in zip(lines, names, strict=True) if name == path]
    line = error.lineno if isinstance(error, SyntaxError) else inside[-1] if inside else None
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    place = f"line {line}: " if line else ""
    return f"{place}{type(error).__name__}: {reason}".rstrip(": ")


def _broken_promises(path: str, scorers: Any) -> list[str]:
    """Return what is wrong with a plugin's SCORERS."""
    if not isinstance(scorers, dict) or not scorers:
        return [f'plugin {path!r} defines no SCORERS = {{"name": ScorerClass}}']
    return [
        f"plugin {path!r}, scorer {name!r}: {problem}"
        for name, kind in scorers.items()
        for problem in contract_problems(name, kind)
    ]


def _reduce(plugin: Plugin, scorer: str, instance: Any) -> tuple[Any, ...]:
    given = {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}
    return _rebuild, (plugin, scorer, given)


def _rebuild(plugin: Plugin, scorer: str, given: dict[str, Any]) -> Any:
    return ensure_loaded(plugin)[scorer](**given)
