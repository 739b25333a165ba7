"""``--set key=value``: change one place of an experiment file from the command line.

The key is a dotted path, list items by number: ``axes.seed``, ``axes.pretext.0.mim.epochs``. A key
that is not there is added (and then checked as if the file had said it); a choice written as a bare
name takes parameters. A name that itself holds a dot is out of reach: set the whole item.
"""

from __future__ import annotations

from typing import Any

from mood_sweeps.errors import InputError, Problem
from mood_sweeps.spec.located import Located, Path, Place, parse
from mood_sweeps.spec.part import kind_of

__all__ = ["AFTER_EVERY_LINE", "apply_override"]

AFTER_EVERY_LINE = 2**31
"""The line that sorts problems with overrides behind those of the file."""


def apply_override(document: Located, override: str) -> None:
    """Change ``document`` in place as ``override`` (``key=value``, value in YAML) says.

    Raises InputError, naming the override, if it has no such form or its key leads nowhere.
    """
    where = f"--set {override}"
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise InputError(Problem("must have the form key=value, such as axes.seed=[0,1]", where))
    value, flaws = _value(text, where)
    try:
        path = _set(document, key.split("."), value)
    except _Nowhere as nowhere:
        raise InputError(Problem(str(nowhere), where)) from None
    place = Place(AFTER_EVERY_LINE, where)
    for old in [old for old in document.places if old[: len(path)] == path]:
        del document.places[old]
    document.places[path] = place
    document.flaws.extend((place, message) for message in flaws)


class _Nowhere(Exception):
    """The path of an override leads to no place."""


def _value(text: str, where: str) -> tuple[Any, list[str]]:
    if not text.strip():
        return None, []
    located = parse(text, where, lines=False)
    return located.value, [message for _, message in located.flaws]


def _set(document: Located, names: list[str], value: Any) -> Path:
    """Set ``value`` at the dotted path and return that path, list items as numbers."""
    holder: Any = document.value
    path: Path = ()
    for depth, name in enumerate(names):
        at = ".".join(names[:depth])
        key: Any = _index(holder, name, at) if isinstance(holder, list) else name
        if not isinstance(holder, (dict, list)):
            raise _Nowhere(f"{at or 'the file'} is {kind_of(holder)}, which has no {name!r}")
        path = (*path, key)
        if depth == len(names) - 1:
            holder[key] = value
        else:
            holder[key] = _opened(holder, key, names[depth + 1])
            holder = holder[key]
    return path


def _index(holder: list[Any], name: str, at: str) -> int:
    if name.isdecimal() and name.isascii() and len(name) < 9 and int(name) < len(holder):
        return int(name)
    items = f"items 0 to {len(holder) - 1}" if holder else "no items"
    raise _Nowhere(f"{at} is a list with {items}; {name!r} is none of them")


def _opened(holder: Any, key: Any, following: str) -> Any:
    """Return what is at ``key``, ready to take a key of its own.

    ``mim`` opens as ``{mim: {}}`` and nothing as ``{}``.
    """
    current = holder[key] if isinstance(holder, list) else holder.get(key)
    if current is None:
        return {}
    return {current: {}} if current == following else current
