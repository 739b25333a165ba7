"""Searches: what a ``tune:`` block says, the settings it tries, and which of them go on."""

from __future__ import annotations

from mood_sweeps.tuning.read_search import choose_all_tuned
from mood_sweeps.tuning.search import Search
from mood_sweeps.tuning.tuned_choice import Tunable, Tuned

__all__ = ["Search", "Tunable", "Tuned", "choose_all_tuned"]
