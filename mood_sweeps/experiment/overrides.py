"""``--set key=value``: change one place of an experiment file from the command line.

The key is a dotted path, list items by number: ``axes.seed``, ``axes.pretext.0.mim.epochs``. A key
that does not exist is added, and checked like a key of the file; a choice written as a bare name
takes parameters. A name with a dot in it cannot be part of a path: set the whole item.
"""

from __future__ import annotations

from typing import Any

from mood_sweeps.errors import InputError
from mood_sweeps.experiment.yaml_node import kind_of
from mood_sweeps.experiment.yaml_positions import Located, Path, Place, parse

__all__ = ["apply_override"]

_AFTER_EVERY_LINE = 2**31


def apply_override(document: Located, override: str, number: int = 0) -> None:
    """Apply ``override`` (``key=value``, value in YAML) to ``document``, in place.

    A problem of the override itself becomes a flaw of the document; later problems with its value
    name the override too. They sort behind those of the file, by ``number``.
    """
    place = Place(_AFTER_EVERY_LINE + number, f"--set {override}")
    key, equals, text = override.partition("=")
    names = key.split(".")
    try:
        if not equals or not all(names):
            raise InputError("must have the form key=value, such as axes.seed=[0,1]")
        value = parse(text, place.text, lines=False) if text.strip() else Located(None, place)
        path = _set_value(document, names, value.value)
    except InputError as error:
        document.flaws.extend((place, problem.message) for problem in error.problems)
        return
    for old in [old for old in document.places if old[: len(path)] == path]:
        del document.places[old]
    for length in range(1, len(path) + 1):
        document.places.setdefault(path[:length], place)
    document.flaws.extend((place, message) for _, message in value.flaws)


def _set_value(document: Located, names: list[str], value: Any) -> Path:
    """Set ``value`` at the dotted path and return that path, list items as numbers.

    Raises InputError if the path does not exist.
    """
    holder: Any = document.value
    path: Path = ()
    for depth, name in enumerate(names):
        at = ".".join(names[:depth])
        key: Any = _index(holder, name, at) if isinstance(holder, list) else name
        if not isinstance(holder, (dict, list)):
            raise InputError(f"{at or 'the file'} is {kind_of(holder)}, which has no {name!r}")
        path = (*path, key)
        if depth == len(names) - 1:
            holder[key] = value
        else:
            holder[key] = _container_at(holder, key, names[depth + 1])
            holder = holder[key]
    return path


def _index(holder: list[Any], name: str, at: str) -> int:
    if name.isdecimal() and name.isascii() and len(name) < 9 and int(name) < len(holder):
        return int(name)
    items = f"items 0 to {len(holder) - 1}" if holder else "no items"
    raise InputError(f"{at} is a list with {items}; {name!r} is none of them")


def _container_at(holder: Any, key: Any, following: str) -> Any:
    """Return the value at ``key`` as a container for the next key of the path.

    ``mim`` opens as ``{mim: {}}`` and nothing as ``{}``.
    """
    current = holder[key] if isinstance(holder, list) else holder.get(key)
    if current is None:
        return {}
    return {current: {}} if current == following else current
