"""What can be tabulated: the metric columns, their names for a reader and their direction."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import InputError

__all__ = ["MEASURES", "Measure", "measure_of"]


@dataclass(frozen=True)
class Measure:
    """One metric column of the results frame; every one is a fraction in [0, 1], shown in %."""

    title: str
    higher_is_better: bool


MEASURES: dict[str, Measure] = {
    "auroc": Measure("AUROC", higher_is_better=True),
    "fpr95": Measure("FPR95 (ID positive)", higher_is_better=False),
    "fpr95_ood_positive": Measure("FPR95 (OOD positive)", higher_is_better=False),
    "aupr_in": Measure("AUPR-in", higher_is_better=True),
    "aupr_out": Measure("AUPR-out", higher_is_better=True),
    "ap_in": Measure("AP-in", higher_is_better=True),
    "ap_out": Measure("AP-out", higher_is_better=True),
    "detection_error": Measure("Detection error", higher_is_better=False),
    "autc": Measure("AUTC", higher_is_better=False),
    "oscr": Measure("OSCR", higher_is_better=True),
    "ccr_at_fpr05": Measure("CCR at 5% FPR", higher_is_better=True),
    "id_accuracy": Measure("ID accuracy", higher_is_better=True),
}


def measure_of(metric: str) -> Measure:
    """Return the measure of a metric column; raises InputError with the names that exist."""
    if metric not in MEASURES:
        raise InputError(f"unknown metric {metric!r}{did_you_mean(metric, MEASURES)}")
    return MEASURES[metric]
