"""Searches: what a ``tune:`` block says, the settings it tries, and which of them go on."""

from __future__ import annotations

from mood_sweeps.search.reading import choose_all_tuned
from mood_sweeps.search.search import Search
from mood_sweeps.search.tuned import Tuned

__all__ = ["Search", "Tuned", "choose_all_tuned"]
