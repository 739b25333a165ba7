"""Every scorer on every set: fit, score and evaluate, one scorer after another.

A scorer that cannot do it, or raises, leaves rows that say why; the others go on.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mood_sweeps.bank import Ints
from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, PluginFailed, Undefined, one_line, plain
from mood_sweeps.external_features.checked_features import CheckedFeatures, NamedBank
from mood_sweeps.external_features.label_agreement import Agreement
from mood_sweeps.metrics import (
    METRICS,
    PairScores,
    compute_metrics,
    nearest_class_mean,
    predict,
)
from mood_sweeps.note import joined
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.scorers import Scores
from mood_sweeps.scorers.notes import ID_TEST, OOD, logit_notes, tie_notes

__all__ = ["COLUMNS", "Failure", "Row", "Scored", "run_scorers", "said_in_rows"]

FITTED_ON_TRAIN = "fitted on ID train: there is no ID validation set"
_BROUGHT = {"labels", "logits", "head"}  # what features may bring of `scorers.NEEDS`


@dataclass(frozen=True)
class Row:
    """One scorer on one OOD set: a row of metrics.csv.

    metrics: by column of `METRICS`; None where undefined or where ID classes are not known.
    seconds: this row's share of fitting and of scoring ID test, and its own OOD set. reason: why
    there are no metrics. note: what a reader of the metrics has to know.
    """

    scorer: str
    ood: str
    metrics: Mapping[str, float | None] = field(default_factory=lambda: dict.fromkeys(METRICS))
    n_id: int | None = None
    n_ood: int | None = None
    seconds: float | None = None
    reason: str | None = None
    note: str | None = None

    def cells(self) -> tuple[str | float | int | None, ...]:
        """Return the values of `COLUMNS`."""
        counts = (self.n_id, self.n_ood, self.seconds)
        return (self.scorer, self.ood, *self.metrics.values(), *counts, self.reason, self.note)


COLUMNS = ("scorer", "ood", *METRICS, "n_id", "n_ood", "seconds", "reason", "note")


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
    given: CheckedFeatures,
    scorers: Iterable[Choice[AnyScorer]],
    runner: ScorerRunner,
    keep: Callable[[str, Mapping[str, Scores]], None] | None = None,
) -> Scored:
    """Return the rows of every scorer.

    runner: fits and scores.
    keep: takes a scorer's label and its scores by set, float64 (N,), for each scorer that has
        numbers.
    """
    rows: list[Row] = []
    failures: list[Failure] = []
    id_classes = _id_classes(given)
    for choice in scorers:
        one = _OneScorer(given, choice, runner, id_classes)
        rows += one.rows()
        failures += one.failures
        if keep is not None and len(one.scores) > 1:
            keep(plain(choice.label), one.scores)
    return Scored(tuple(rows), tuple(failures))


def said_in_rows(scored: Scored, scorers: Iterable[Choice[AnyScorer]], agreed: Agreement) -> Scored:
    """Return what was scored with the agreement, and its warnings in the rows that rest on it.

    These are the rows of scorers that use labels and head together; others ask the order of the
    classes for nothing.
    """
    rest_on_it = {
        plain(choice.label)
        for choice in scorers
        if "labels" in choice.parameters.needs and {"logits", "head"} & set(choice.parameters.needs)
    }
    rows = tuple(
        replace(row, note=joined(row.note, *agreed.warnings))
        if agreed.warnings and row.scorer in rest_on_it
        else row
        for row in scored.rows
    )
    return replace(scored, rows=rows, agreement=agreed)


def _id_classes(given: CheckedFeatures) -> tuple[Ints | None, Ints | None]:
    """Return predicted and true class of the ID test images, None where they are not known.

    Predictions are those of the logits or the head, else of the nearest class mean of ID train.
    """
    train, test = given.train.bank, given.test.bank
    labels = test.labels if len(test.labels) else None
    if test.logits is not None or given.head is not None:
        return predict(test, given.head), labels
    return (nearest_class_mean(train, test) if len(train.labels) else None), labels


class _OneScorer:
    """One scorer's rows and scores."""

    def __init__(
        self,
        given: CheckedFeatures,
        choice: Choice[AnyScorer],
        runner: ScorerRunner,
        id_classes: tuple[Ints | None, Ints | None],
    ) -> None:
        self._given = given
        self._id_classes = id_classes
        self._label = plain(choice.label)  # a parameter may be any text
        self._choice = choice
        self._runner = runner
        self._scorer = choice.parameters
        wants_val = self._scorer.fits_on == "id_val"
        self._fits_on = given.val if wants_val and given.val is not None else given.train
        self._note = FITTED_ON_TRAIN if wants_val and given.val is None else None
        self._state: Mapping[str, Any] = {}
        self._notes: dict[str, tuple[str, ...]] = {}
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
        test = self._given.test
        id_scores, ood_scores = self.scores[test.name], self.scores[ood.name]
        metrics = compute_metrics(PairScores(id_scores, ood_scores, *self._id_classes))
        seconds = share + time.perf_counter() - began
        note = joined(
            self._note,
            *self._notes[test.name],
            *self._notes[ood.name],
            *logit_notes(self._scorer, self._fits_on.bank, {ID_TEST: test.bank, OOD: ood.bank}),
            *tie_notes({ID_TEST: id_scores, OOD: ood_scores}),
        )
        counts = (len(id_scores), len(ood_scores))
        return Row(self._label, ood.name, metrics, *counts, seconds=seconds, note=note)

    def _lacks_fit(self) -> str | None:
        """Return what is missing for any number at all, in words, or None."""
        needs = set(self._scorer.needs)
        missing = [f"needs the {need}, not features alone" for need in sorted(needs - _BROUGHT)]
        if missing and (form := getattr(self._scorer, "pooled_form", None)):
            missing.append(f"{form} is its form for pooled features")
        if "head" in needs and self._given.head is None:
            missing.append("needs a head: none is given")
        if missing or not self._scorer.learns_nothing:
            missing += self._lacking(self._fits_on, "labels", "logits")
        return "; ".join(missing) or None

    def _lacking(self, bank: NamedBank, *roles: str) -> list[str]:
        """Return which of the needed arrays a bank has not. A head brings logits with it."""
        needed = [role for role in roles if role in self._scorer.needs]
        return [f"needs {role}: {words}" for role in needed if (words := bank.lacks(role))]

    def _fit(self) -> None:
        self._state = self._runner.fit(self._choice, self._fits_on.bank, self._given.head)

    def _try_scores(self, bank: NamedBank) -> str | None:
        missing = self._lacking(bank, "logits")
        return missing[0] if missing else self._trying(lambda: self._score(bank))

    def _score(self, bank: NamedBank) -> None:
        scores = self._runner.score(self._choice, self._state, bank.bank)
        n = len(scores)
        bad = int(np.count_nonzero(~np.isfinite(scores)))
        if bad:
            raise Undefined(f"{bad} of {n} scores of {bank.name} are NaN or infinite")
        self._notes[bank.name] = self._runner.notes(self._choice, self._state, bank.bank)
        self.scores[bank.name] = scores

    def _trying(self, step: Callable[[], None]) -> str | None:
        """Return why ``step`` came to nothing, or None if it did what it should."""
        try:
            step()
        except (Undefined, InputError) as error:
            return plain(str(error))
        except Exception as error:
            line = one_line(error)
            text = error.traceback if isinstance(error, PluginFailed) else traceback.format_exc()
            self.failures.append(Failure(self._label, line, plain(text)))
            return f"failed: {line}"
        return None
