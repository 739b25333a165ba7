"""What the engine of scoring is given: banks by name, and the numbers to make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mood_sweeps.bank import FeatureBank, Head, Ints
from mood_sweeps.choice import Choice
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.plugins.scorer_runner import Stored
from mood_sweeps.scorers import Scores, State

__all__ = ["Fit", "Known", "Request", "ScoringInputs", "Selection"]


@dataclass(frozen=True, eq=False)
class ScoringInputs:
    """The banks of one representation and one ID set, in memory.

    banks: by name. id_train, id_test: the names of two of these. head: None for a headless
    representation. id_predictions: predicted class of every ID test image, int64 (N,); None where
    nothing predicts it. checks_labels: whether labels may mean other classes than the head's, as
    where a user brings both. stored: where another process finds a bank, for a plugin's scorers.
    """

    banks: Mapping[str, FeatureBank]
    id_train: str
    id_test: str
    head: Head | None
    id_predictions: Ints | None
    checks_labels: bool
    stored: Mapping[str, Stored] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fit:
    """A scorer fitted on one bank.

    key: names the fitted state. bank: by name. note: what a reader of its numbers has to know.
    """

    key: str
    scorer: Choice[AnyScorer]
    bank: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Selection:
    """The best of several fits on validation sets; see `selection.select_candidate`.

    id_val, ood_val: banks by name. where: these sets in words.
    """

    key: str
    candidates: tuple[Fit, ...]
    id_val: str
    ood_val: tuple[str, ...]
    where: str


@dataclass(frozen=True, eq=False)
class Request:
    """One number to make: a fitted scorer on one OOD bank, by name, against ID test.

    note: what a reader of the number has to know of the OOD bank.
    """

    fit: Fit | Selection
    ood: str
    note: str | None = None


@dataclass(frozen=True, eq=False)
class Known:
    """What was computed before: states by the fit's key, scores by the fit's key and the bank."""

    states: Mapping[str, State] = field(default_factory=dict)
    scores: Mapping[tuple[str, str], Scores] = field(default_factory=dict)
