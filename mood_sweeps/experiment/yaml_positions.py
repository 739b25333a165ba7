"""YAML text as plain values that remember the line each was written on.

Anchors, aliases and merge keys work; tags that would build objects, duplicate keys and keys that
are not text are problems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.yaml12 import TAG, Loader, scalar_value

__all__ = ["Located", "Path", "Place", "parse"]

Path = tuple[str | int, ...]

_MOST_VALUES = 100_000
_DEEPEST = 40


class Place(NamedTuple):
    """Where something was written: a line to sort by, and the words that name it."""

    line: int
    text: str


@dataclass
class Located:
    """A plain value (None, bool, int, float, str, list, dict) and a place for every path in it.

    root: the place of the value as a whole.
    flaws: what is wrong with the form of the text though it has a value, such as a key given
        twice, of which ``value`` holds the first.
    """

    value: Any
    root: Place
    places: dict[Path, Place] = field(default_factory=dict)
    flaws: list[tuple[Place, str]] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Return the place of ``path``, or of the nearest thing around it that has one."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.root


def parse(text: str, where: str, *, lines: bool = True) -> Located:
    """Read one YAML document.

    where: the file's name, put before each line number; with ``lines`` off, the whole place.
    Raises InputError, one problem with its place, for text that is no YAML or holds nothing.
    """

    def place(line: int) -> Place:
        return Place(line, f"{where}:{line}") if lines else Place(0, where)

    def refuse(message: str, line: int) -> InputError:
        return InputError(Problem(message, place(line).text))

    try:
        loader = Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = ord(text[error.position])
        raise refuse(f"not YAML: the character U+{code:04X} may not stand in it", line) from None
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise refuse(*_syntax_problem(error, text)) from None
    except RecursionError:
        raise refuse(f"nested more than {_DEEPEST} deep", loader.line + 1) from None
    except (ValueError, OverflowError) as error:  # "\UFFFFFFFF" names no character
        raise refuse(f"not YAML: {error}", loader.line + 1) from None
    if root is None:
        raise refuse("empty: there is nothing to read", 1)
    located = Located(None, place(root.start_mark.line + 1))
    reader = _Reader(located, place)
    try:
        located.value = reader.read(root, ())
    except _Refused as refused:
        raise refuse(str(refused), refused.line) from None
    return located


class _Refused(Exception):
    """The document cannot be given a value at all."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.line: int = node.start_mark.line + 1


class _Reader:
    """Turns nodes into plain values, noting the place of each.

    The first place noted for a path stays: a mapping's own keys are read before those it merges.
    """

    def __init__(self, located: Located, place: Any) -> None:
        self.located = located
        self.place = place
        self.open: set[int] = set()
        self.values = 0

    def read(self, node: Node, path: Path) -> Any:
        self.values += 1
        if self.values > _MOST_VALUES:
            raise _Refused(f"more than {_MOST_VALUES} values, aliases followed", node)
        if len(path) > _DEEPEST:
            raise _Refused(f"nested more than {_DEEPEST} deep", node)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self.open:
            raise _Refused("an alias inside its own anchor has no end", node)
        self.open.add(id(node))
        try:
            if isinstance(node, SequenceNode) and node.tag == TAG + "seq":
                return [self._item(item, (*path, at)) for at, item in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == TAG + "map":
                return self._mapping(node, path)
        finally:
            self.open.discard(id(node))
        raise _Refused(f"the tag {node.tag!r} means nothing here", node)

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            return scalar_value(node)
        except ValueError as error:
            raise _Refused(str(error), node) from None

    def _item(self, node: Node, path: Path) -> Any:
        self.located.places.setdefault(path, self.place(node.start_mark.line + 1))
        return self.read(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        given: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            place = self.place(key_node.start_mark.line + 1)
            if key_node.tag == TAG + "merge":
                merged.append(value_node)
                continue
            key = self._scalar(key_node) if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str):
                shown = repr(key_node.value) if isinstance(key_node, ScalarNode) else "list"
                self.located.flaws.append((place, f"the key {shown} is not text; quote it"))
                continue
            if key in given:
                self.located.flaws.append((place, f"the key {key!r} is given twice"))
                continue
            self.located.places.setdefault((*path, key), place)
            given[key] = self.read(value_node, (*path, key))
        for source in merged:
            self._merge(source, given, path)
        return given

    def _merge(self, source: Node, given: dict[str, Any], path: Path) -> None:
        """Take over what ``<<:`` names, leaving what the mapping says itself."""
        for one in source.value if isinstance(source, SequenceNode) else [source]:
            if not isinstance(one, MappingNode):
                raise _Refused("'<<' merges mappings only", one)
            for key, value in self.read(one, path).items():
                given.setdefault(key, value)


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int]:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    if line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        return "not YAML: a tab indents this line; indent with spaces", line
    reason = error.problem or error.context or "it cannot be read"
    context = f" ({error.context})" if error.context and error.problem else ""
    return f"not YAML: {reason}{context}", line
