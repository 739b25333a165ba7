"""Read YAML text into plain values, with the line of each.

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
    """A place in the text: a line to sort by, and its name in messages."""

    line: int
    text: str


@dataclass
class Located:
    """A plain value (None, bool, int, float, str, list, dict) and a place for every path in it.

    root: the place of the value as a whole.
    flaws: problems of a text that still has a value, such as a duplicate key; ``value`` then
        holds the first.
    """

    value: Any
    root: Place
    places: dict[Path, Place] = field(default_factory=dict)
    flaws: list[tuple[Place, str]] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Return the place of ``path``, or of the innermost value around it that has one."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.root


def parse(text: str, where: str, *, lines: bool = True) -> Located:
    """Read one YAML document.

    where: the file's name, written before each line number, or alone if ``lines`` is False.
    Raises InputError, one problem with its place, for text that is no YAML or is empty.
    """

    def place(line: int) -> Place:
        return Place(line, f"{where}:{line}") if lines else Place(0, where)

    def error_at(message: str, line: int) -> InputError:
        return InputError(Problem(message, place(line).text))

    try:
        loader = Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = ord(text[error.position])
        raise error_at(f"not YAML: the character U+{code:04X} may not stand in it", line) from None
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise error_at(*_syntax_problem(error, text)) from None
    except RecursionError:
        raise error_at(f"nested more than {_DEEPEST} deep", loader.line + 1) from None
    except (ValueError, OverflowError) as error:  # such as "\UFFFFFFFF", which is no character
        raise error_at(f"not YAML: {error}", loader.line + 1) from None
    if root is None:
        raise error_at("empty: there is nothing to read", 1)
    located = Located(None, place(root.start_mark.line + 1))
    reader = _Reader(located, place)
    try:
        located.value = reader.read(root, ())
    except _Unreadable as unreadable:
        raise error_at(str(unreadable), unreadable.line) from None
    return located


class _Unreadable(Exception):
    """The document has no value at all."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.line: int = node.start_mark.line + 1


class _Reader:
    """Turns nodes into plain values and notes the place of each.

    The first place of a path stays: a mapping's own keys are read before those it merges.
    """

    def __init__(self, located: Located, place: Any) -> None:
        self.located = located
        self.place = place
        self.open_nodes: set[Node] = set()
        self.n_values = 0

    def read(self, node: Node, path: Path) -> Any:
        self.n_values += 1
        if self.n_values > _MOST_VALUES:
            raise _Unreadable(f"more than {_MOST_VALUES} values, aliases followed", node)
        if len(path) > _DEEPEST:
            raise _Unreadable(f"nested more than {_DEEPEST} deep", node)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if node in self.open_nodes:
            raise _Unreadable("an alias inside its own anchor has no end", node)
        self.open_nodes.add(node)
        try:
            if isinstance(node, SequenceNode) and node.tag == TAG + "seq":
                return [self._item(item, (*path, at)) for at, item in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == TAG + "map":
                return self._mapping(node, path)
        finally:
            self.open_nodes.discard(node)
        raise _Unreadable(f"the tag {node.tag!r} means nothing here", node)

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            return scalar_value(node)
        except ValueError as error:
            raise _Unreadable(str(error), node) from None

    def _item(self, node: Node, path: Path) -> Any:
        self.located.places.setdefault(path, self.place(node.start_mark.line + 1))
        return self.read(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
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
            if key in mapping:
                self.located.flaws.append((place, f"the key {key!r} is given twice"))
                continue
            self.located.places.setdefault((*path, key), place)
            mapping[key] = self.read(value_node, (*path, key))
        for source in merged:
            self._merge(source, mapping, path)
        return mapping

    def _merge(self, source: Node, mapping: dict[str, Any], path: Path) -> None:
        """Add the entries that ``<<:`` names; the mapping's own entries win."""
        for one in source.value if isinstance(source, SequenceNode) else [source]:
            if not isinstance(one, MappingNode):
                raise _Unreadable("'<<' merges mappings only", one)
            for key, value in self.read(one, path).items():
                mapping.setdefault(key, value)


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int]:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    if line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        return "not YAML: a tab indents this line; indent with spaces", line
    reason = error.problem or error.context or "it cannot be read"
    context = f" ({error.context})" if error.context and error.problem else ""
    return f"not YAML: {reason}{context}", line
