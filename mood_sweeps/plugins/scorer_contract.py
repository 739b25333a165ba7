"""The contract that a scorer from outside the package must keep, checked in its own process."""

from __future__ import annotations

from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.plugins.class_contract import Promises, class_problems, give_defaults, is_version
from mood_sweeps.scorers import FAMILIES, FITS_ON, NEEDS, Scorer

__all__ = ["check_choice", "complete", "contract_problems", "facts_of"]

_PROMISES: Promises = {
    "version": (is_version, "ClassVar[int], at least 1"),
    "family": (lambda value: value in FAMILIES, f"ClassVar[str], one of {', '.join(FAMILIES)}"),
    "needs": (
        lambda value: isinstance(value, tuple) and set(value) <= set(NEEDS),
        f"ClassVar[tuple[str, ...]], of {', '.join(NEEDS)}",
    ),
    "fits_on": (lambda value: value in FITS_ON, f"ClassVar[str], one of {', '.join(FITS_ON)}"),
    "pooled_form": (lambda value: value is None, "left out"),
    "notes": (lambda value: value is None or callable(value), "a method notes(state, bank)"),
    "learns_nothing": (lambda value: isinstance(value, bool), "ClassVar[bool]"),
    "fit": (callable, "a method fit(bank, head) -> state"),
    "score": (callable, "a method score(state, bank) -> scores"),
}


def complete(scorers: Any) -> None:
    """Give classes the parts of the contract that they leave out and `Scorer` has defaults for."""
    promises = ("needs", "fits_on", "learns_nothing")
    give_defaults(scorers, {promise: getattr(Scorer, promise) for promise in promises})


def contract_problems(name: Any, kind: Any) -> list[str]:
    """Return what keeps ``kind`` from being the scorer called ``name``."""
    return class_problems(name, kind, "scorer", _PROMISES)


def facts_of(kind: type[Any]) -> dict[str, Any]:
    """Return what planning reads of a scorer's class."""
    return {
        "version": kind.version,
        "family": kind.family,
        "needs": list(kind.needs),
        "fits_on": kind.fits_on,
        "learns_nothing": kind.learns_nothing,
        "has_notes": callable(getattr(kind, "notes", None)) and kind.notes is not Scorer.notes,
    }


def check_choice(digest: str, choice: Choice[Any]) -> None:
    """Parameters of a scorer are checked by their types alone."""
    del digest, choice
