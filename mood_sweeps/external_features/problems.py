"""All that is wrong with what was given, gathered so that it is said at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mood_sweeps.errors import InputError, Problem

__all__ = ["InputProblems"]


class InputProblems:
    """Problems in the order in which they were found."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._found = dict.fromkeys(problems)

    def add(self, where: str, message: str) -> None:
        """Note one problem; ``where`` is the file and its key, or the argument's name."""
        self._found[Problem(message, where)] = None

    @contextmanager
    def about(self, where: str) -> Iterator[None]:
        """Note the problems of an InputError raised inside, as problems of ``where``."""
        try:
            yield
        except InputError as error:
            for problem in error.problems:
                place = problem.where or where
                self._found[dataclasses.replace(problem, where=place)] = None

    def __bool__(self) -> bool:
        """Whether anything was noted."""
        return bool(self._found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that was noted."""
        return tuple(self._found)

    def raise_any(self) -> None:
        """Raise InputError with everything that was noted."""
        if self._found:
            raise InputError(self._found)
