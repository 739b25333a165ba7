"""The family of each scorer of the catalogue, by name, for the colours and order of tables."""

from __future__ import annotations

from mood_sweeps.scorers import SCORERS

__all__ = ["scorer_families"]


def scorer_families() -> dict[str, str]:
    """Return name → family."""
    return {name: scorer.family for name, scorer in SCORERS.items()}
