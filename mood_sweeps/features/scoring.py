"""Every scorer on every set: fit, score and evaluate, one scorer after another.

A scorer that cannot do it, or raises, leaves rows that say why; the others go on.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.features.agreement import Agreement
from mood_sweeps.features.given import Given, NamedBank
from mood_sweeps.metrics import detection_metrics
from mood_sweeps.scorers import LearnsNothing, Scores

__all__ = ["COLUMNS", "Failure", "Row", "Scored", "run_scorers", "said_in_rows"]

FITTED_ON_TRAIN = "fitted on ID train: there is no ID validation set"
_BROUGHT = {"labels", "logits", "head"}  # what features may bring of `scorers.NEEDS`


@dataclass(frozen=True)
class Row:
    """One number's worth of question: a scorer on an OOD set; the columns of metrics.csv.

    The metrics are those of `metrics.DetectionMetrics`. seconds: this row's share of fitting and
    of scoring ID test, and its own OOD set. reason: why there are no numbers, or what to know
    about them.
    """

    scorer: str
    ood: str
    auroc: float | None = None
    auroc_low: float | None = None
    auroc_high: float | None = None
    fpr95: float | None = None
    fpr95_ood_positive: float | None = None
    aupr_in: float | None = None
    aupr_out: float | None = None
    n_id: int | None = None
    n_ood: int | None = None
    seconds: float | None = None
    reason: str | None = None


COLUMNS = tuple(column.name for column in fields(Row))
_METRICS = COLUMNS[2:-2]


@dataclass(frozen=True)
class Failure:
    """A scorer that raised what it should not: its label, the error in a line, the traceback."""

    scorer: str
    error: str
    traceback: str


@dataclass(frozen=True)
class Scored:
    """The rows, by scorer and then OOD set in the order they were given; what failed.

    agreement: ID accuracies, and warnings where labels and head do not fit.
    """

    rows: tuple[Row, ...]
    failures: tuple[Failure, ...]
    agreement: Agreement = field(default_factory=Agreement)


def run_scorers(
    given: Given,
    scorers: Iterable[Choice],
    keep: Callable[[str, Mapping[str, Scores]], None] | None = None,
) -> Scored:
    """Return the rows of every scorer.

    keep: takes a scorer's label and its scores by set, float64 (N,), for each scorer that has
        numbers.
    """
    rows: list[Row] = []
    failures: list[Failure] = []
    for choice in scorers:
        one = _OneScorer(given, choice)
        rows += one.rows()
        failures += one.failures
        if keep is not None and len(one.scores) > 1:
            keep(choice.label, one.scores)
    return Scored(tuple(rows), tuple(failures))


def said_in_rows(scored: Scored, scorers: Iterable[Choice], agreed: Agreement) -> Scored:
    """Return what was scored with the agreement, and its warnings in the rows that rest on it.

    These are the rows of scorers that use labels and head together; others ask the order of the
    classes for nothing.
    """
    rest_on_it = {
        choice.label
        for choice in scorers
        if "labels" in choice.parameters.needs and {"logits", "head"} & set(choice.parameters.needs)
    }
    rows = tuple(
        replace(row, reason="; ".join(filter(None, (row.reason, *agreed.warnings))))
        if agreed.warnings and row.scorer in rest_on_it
        else row
        for row in scored.rows
    )
    return replace(scored, rows=rows, agreement=agreed)


class _OneScorer:
    """One scorer's rows and scores."""

    def __init__(self, given: Given, choice: Choice) -> None:
        self._given = given
        self._label = choice.label
        self._scorer = choice.parameters
        wants_val = self._scorer.fits_on == "id_val"
        self._fits_on = given.val if wants_val and given.val is not None else given.train
        self._note = FITTED_ON_TRAIN if wants_val and given.val is None else None
        self._state: Mapping[str, Any] = {}
        self.scores: dict[str, Scores] = {}
        self.failures: list[Failure] = []

    def rows(self) -> list[Row]:
        """Return a row for each OOD set."""
        oods = self._given.oods
        began = time.perf_counter()
        reason = self._lacks_fit() or self._trying(self._fit) or self._try_scores(self._given.test)
        if reason is not None:
            return [Row(self._label, ood.name, reason=reason) for ood in oods]
        share = (time.perf_counter() - began) / len(oods)
        return [self._row(ood, share) for ood in oods]

    def _row(self, ood: NamedBank, share: float) -> Row:
        began = time.perf_counter()
        reason = self._try_scores(ood)
        if reason is not None:
            return Row(self._label, ood.name, reason=reason)
        metrics = detection_metrics(self.scores[self._given.test.name], self.scores[ood.name])
        seconds = share + time.perf_counter() - began
        numbers = {name: getattr(metrics, name) for name in _METRICS}
        return Row(self._label, ood.name, **numbers, seconds=seconds, reason=self._note)

    def _lacks_fit(self) -> str | None:
        """Return what is missing for any number at all, in words, or None."""
        needs = set(self._scorer.needs)
        missing = [f"needs the {need}, not features alone" for need in sorted(needs - _BROUGHT)]
        if "head" in needs and self._given.head is None:
            missing.append("needs a head: none is given")
        if missing or not isinstance(self._scorer, LearnsNothing):
            missing += self._lacking(self._fits_on, "labels", "logits")
        return "; ".join(missing) or None

    def _lacking(self, bank: NamedBank, *roles: str) -> list[str]:
        """Return which of the needed arrays a bank has not. A head brings logits with it."""
        needed = [role for role in roles if role in self._scorer.needs]
        return [f"needs {role}: {words}" for role in needed if (words := bank.lacks(role))]

    def _fit(self) -> None:
        state = self._scorer.fit(self._fits_on.bank, self._given.head)
        self._state = {name: np.asarray(value, order="C") for name, value in state.items()}

    def _try_scores(self, bank: NamedBank) -> str | None:
        missing = self._lacking(bank, "logits")
        return missing[0] if missing else self._trying(lambda: self._score(bank))

    def _score(self, bank: NamedBank) -> None:
        scores = np.asarray(self._scorer.score(self._state, bank.bank), dtype=np.float64)
        n = len(bank.bank)
        if scores.shape != (n,):
            raise ValueError(f"it returned scores of shape {scores.shape}; expected ({n},)")
        bad = int(np.count_nonzero(~np.isfinite(scores)))
        if bad:
            raise Undefined(f"{bad} of {n} scores of {bank.name} are NaN or infinite")
        self.scores[bank.name] = scores

    def _trying(self, step: Callable[[], None]) -> str | None:
        """Return why ``step`` came to nothing, or None if it did what it should."""
        try:
            step()
        except (Undefined, InputError) as error:
            return str(error)
        except (Exception, SystemExit) as error:
            # A scorer may be a user's code: whatever it raises is its failure, not the run's.
            line = " ".join(f"{type(error).__name__}: {error}".split())
            self.failures.append(Failure(self._label, line, traceback.format_exc()))
            return f"failed: {line}"
        return None
