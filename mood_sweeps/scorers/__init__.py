"""Score functions: how in-distribution a sample is, from cached features and logits."""

from __future__ import annotations

from mood_sweeps.scorers.catalogue import NOT_SCORERS, SCORERS
from mood_sweeps.scorers.scorer import (
    FAMILIES,
    FITS_ON,
    NEEDS,
    LearnsNothing,
    Scorer,
    Scores,
    State,
)

__all__ = [
    "FAMILIES",
    "FITS_ON",
    "NEEDS",
    "NOT_SCORERS",
    "SCORERS",
    "LearnsNothing",
    "Scorer",
    "Scores",
    "State",
]
