"""Sweeps, and how to read one from an experiment file."""

from __future__ import annotations

from mood_sweeps.experiment.experiment_file import load_sweep
from mood_sweeps.experiment.sweep import Finetune, Pair, Rule, Sweep

__all__ = ["Finetune", "Pair", "Rule", "Sweep", "load_sweep"]
