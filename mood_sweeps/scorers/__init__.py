"""Score functions: how in-distribution a sample is, from cached features and logits.

Every class of the catalogue can be imported from here: ``from mood_sweeps.scorers import ViM``.
"""

from __future__ import annotations

from mood_sweeps.scorers.catalogue import NOT_SCORERS, SCORERS
from mood_sweeps.scorers.scorer import (
    FAMILIES,
    FITS_ON,
    NEEDS,
    SPLIT_OF,
    LearnsNothing,
    Scorer,
    Scores,
    State,
)

_CLASSES = {kind.__name__: kind for kind in SCORERS.values()}

__all__ = [
    "FAMILIES",
    "FITS_ON",
    "NEEDS",
    "SPLIT_OF",
    "NOT_SCORERS",
    "SCORERS",
    "LearnsNothing",
    "Scorer",
    "Scores",
    "State",
    *_CLASSES,
]


def __getattr__(name: str) -> type[Scorer]:
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _CLASSES[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_CLASSES})
