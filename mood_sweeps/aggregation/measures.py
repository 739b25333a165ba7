"""What can be tabulated: the metric columns, their names for a reader and their direction."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import InputError
from mood_sweeps.metrics import METRICS

__all__ = ["MEASURES", "Measure", "measure_of"]


@dataclass(frozen=True)
class Measure:
    """One metric column of the results frame; every one is a fraction in [0, 1], shown in %."""

    title: str
    higher_is_better: bool


MEASURES: dict[str, Measure] = {
    name: Measure(metric.title, metric.higher_is_better)
    for name, metric in METRICS.items()
    if metric.title is not None
}


def measure_of(metric: str) -> Measure:
    """Return the measure of a metric column; raises InputError with the names that exist."""
    if metric not in MEASURES:
        raise InputError(f"unknown metric {metric!r}{did_you_mean(metric, MEASURES)}")
    return MEASURES[metric]
