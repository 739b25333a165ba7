"""One part of an experiment file: a plain value and its place in the file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.yaml_positions import Located, Path, Place

__all__ = ["Problems", "YamlNode", "kind_of"]


class Problems:
    """The problems found so far, each with its place."""

    def __init__(self) -> None:
        self._problems: list[tuple[Place, str]] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, place: Place, message: str) -> None:
        """Add a problem, unless it is already there."""
        if (place, message) not in self._problems:
            self._problems.append((place, message))

    def raise_any(self) -> None:
        """Raise InputError with all problems, if any, in the order of the file's lines."""
        if self._problems:
            ordered = sorted(self._problems, key=lambda problem: problem[0].line)
            raise InputError([Problem(message, place.text) for place, message in ordered])


@dataclass(frozen=True)
class YamlNode:
    """A value inside a document. Methods note a problem, and return nothing, for a wrong type."""

    value: Any
    path: Path
    document: Located
    problems: Problems

    @property
    def place(self) -> Place:
        """Its place in the file."""
        return self.document.place(self.path)

    def add_problem(self, message: str, *inside: str | int) -> None:
        """Note a problem with this part, or with the part at ``inside`` within it."""
        self.problems.add(self.document.place((*self.path, *inside)), message)

    def add_problem_of(self, error: InputError) -> None:
        """Note every problem of an error that a catalogue raised about this part's value."""
        for problem in error.problems:
            self.add_problem(problem.message, *problem.inside)

    def item(self, key: str | int) -> YamlNode:
        """Return the part at a key or index that exists."""
        return YamlNode(self.value[key], (*self.path, key), self.document, self.problems)

    def entries(
        self, what: str, key_name: str, allowed: Collection[str], required: Collection[str] = ()
    ) -> dict[str, YamlNode] | None:
        """Return a mapping's entries in file order, noting unknown and missing keys.

        what, key_name: the names of this part and of a key in messages. None if it is no mapping.
        """
        if not isinstance(self.value, dict):
            self.add_problem(
                f"{what} must be a mapping of {', '.join(allowed)}, not {kind_of(self.value)}"
            )
            return None
        for key in self.value:
            if key not in allowed:
                self.add_problem(f"unknown {key_name} {key!r}{did_you_mean(key, allowed)}", key)
        for key in required:
            if key not in self.value:
                self.add_problem(f"{what} has no {key!r}, which is required")
        return {key: self.item(key) for key in self.value if key in allowed}

    def items(self, what: str, example: str) -> list[YamlNode]:
        """Return a list's items, noting a part that is no list or is empty.

        example: an item for messages, such as ``msp``.
        """
        if self.value is None or self.value == []:
            self.add_problem(f"{what} is empty: list at least one, such as [{example}]")
            return []
        if not isinstance(self.value, list):
            self.add_problem(
                f"{what} must be a list, such as [{example}], not {kind_of(self.value)}"
            )
            return []
        return [self.item(index) for index in range(len(self.value))]

    def text(self, what: str) -> str | None:
        """Return the text, noting a part that is not text."""
        if isinstance(self.value, str):
            return self.value
        self.add_problem(f"{what} must be text, not {kind_of(self.value)}")
        return None


def kind_of(value: Any) -> str:
    """Return a value as messages name it: ``a list``, ``nothing``, ``the number 3``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return "a list" if isinstance(value, list) else "a mapping"
