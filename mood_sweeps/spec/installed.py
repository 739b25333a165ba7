"""Scorers of installed packages, found by their entry point.

A package offers one by ``[project.entry-points."mood_sweeps.scorers"]`` with ``name =
"package.module:Class"``. The bytes of its module are part of the identity of what it computes, as
a plugin's are; what that module imports is not. Workers import it from their own environment.
"""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mood_sweeps.errors import InputError
from mood_sweeps.spec.contract import complete, contract_problems

__all__ = ["GROUP", "installed_scorer"]

GROUP = "mood_sweeps.scorers"


def installed_scorer(name: str) -> tuple[type[Any], str] | None:
    """Return the class behind an entry point and its module's SHA-256; None if there is none.

    Raises InputError if several packages offer it, it does not import or breaks the contract.
    """
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        return None
    who = f"scorer {name!r} of entry point {found[0].value!r}"
    if len({point.value for point in found}) > 1:
        raise InputError(f"several packages offer a scorer {name!r}: uninstall all but one")
    try:
        kind = found[0].load()
    except (Exception, SystemExit) as error:
        raise InputError(f"{who} does not import: {type(error).__name__}: {error}") from error
    complete({name: kind})
    problems = contract_problems(name, kind)
    if problems:
        raise InputError("; ".join(f"{who}: {problem}" for problem in problems))
    return kind, hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
