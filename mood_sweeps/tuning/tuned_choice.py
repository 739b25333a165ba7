"""A choice with parameters that are searched for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from mood_sweeps.choice import Choice, Parameters
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.tuning.search import Search

__all__ = ["Tunable", "Tuned"]


class Tunable(Parameters, Protocol):
    """Parameters of what may be trained here. is_tunable: whether it is."""

    is_tunable: ClassVar[bool]

    @property
    def n_epochs(self) -> int | None:
        """Epochs of the training; None for one without epochs."""


T_co = TypeVar("T_co", bound=Tunable, covariant=True)


@dataclass(frozen=True)
class Tuned(Choice[T_co]):
    """A choice with a search; ``parameters`` are what all its settings have in common.

    What a searched parameter is in them has no meaning.
    """

    search: Search = dataclasses.field(kw_only=True)

    @property
    def content(self) -> dict[str, Any]:
        """What enters a key: the choice's content, and the search's."""
        return {**super().content, "tune": self.search.content}

    @property
    def described(self) -> dict[str, Any]:
        """Every parameter, defaults included, and the search."""
        return {**super().described, "tune": self.search.content}

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which settings are compared; a stage without epochs has one rung.

        Raises InputError if the search does not fit the stage's epochs.
        """
        n_epochs = self.parameters.n_epochs
        return self.search.rungs(self.search.grace if n_epochs is None else n_epochs)

    def candidates(self, axis_seed: int) -> tuple[Choice[T_co], ...]:
        """Return the choices that are tried, a function of this choice and the seed.

        Raises InputError for a setting with values that exclude each other.
        """
        found: list[Choice[T_co]] = []
        problems: list[Problem] = []
        for setting in self.search.settings(axis_seed):
            try:
                parameters = dataclasses.replace(self.parameters, **setting)
            except InputError as error:
                problems += error.problems
                continue
            given = self.given | setting.keys()
            found.append(Choice(self.name, parameters, self.digest, given))
        if problems:
            raise InputError(dict.fromkeys(problems))
        return tuple(found)

    def _shown(self) -> list[str]:
        return [*super()._shown(), f"tune={self.search.label}"]
