"""Every scorer on every set, one scorer after another, as rows of a table.

A scorer that cannot do it, or raises, leaves rows that say why; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mood_sweeps.choice import Choice
from mood_sweeps.errors import plain
from mood_sweeps.external_features.checked_features import CheckedFeatures
from mood_sweeps.metrics import METRICS
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.scorers import Scores
from mood_sweeps.scoring.evaluate import Evaluation, Evaluator, Failure
from mood_sweeps.scoring.inputs import Fit, Request, ScoringInputs
from mood_sweeps.scoring.label_agreement import Agreement
from mood_sweeps.scoring.predictions import predicted_classes, source_of_predictions
from mood_sweeps.scoring.requirements import learns_from, missing

__all__ = ["COLUMNS", "Row", "Scored", "ScorerFailure", "run_scorers"]


@dataclass(frozen=True)
class Row:
    """One scorer on one OOD set: a row of metrics.csv.

    metrics: by column of `METRICS`; None where undefined or where ID classes are not known.
    seconds: this row's share of fitting and of scoring ID test, and its own OOD set. reason: why
    there is no number. note: what a reader of the metrics has to know.
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
class ScorerFailure:
    """A scorer that raised: its label, the error in a line, the traceback; see `Failure`."""

    scorer: str
    error: str
    traceback: str


@dataclass(frozen=True)
class Scored:
    """The rows, by scorer and then OOD set in the order they were given; what failed.

    agreement: ID accuracies, and warnings where labels and head do not fit.
    """

    rows: tuple[Row, ...]
    failures: tuple[ScorerFailure, ...]
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
    evaluator = Evaluator(_inputs(given), runner)
    id_banks = {"train": given.train, "val": given.val, "test": given.test}
    agreed = evaluator.agreement({split: one.name for split, one in id_banks.items() if one})
    rows: list[Row] = []
    failures: dict[Failure, str] = {}
    for scorer in scorers:
        label = plain(scorer.label)  # a parameter may be any text
        kept: dict[str, Scores] = {}
        for row, evaluation in _scored(given, scorer, label, evaluator):
            rows.append(row)
            if evaluation is None:
                continue
            if evaluation.failure is not None:
                failures[evaluation.failure] = label
            if evaluation.scores is not None:
                kept |= {given.test.name: evaluation.scores[0], row.ood: evaluation.scores[1]}
        if keep is not None and kept:
            keep(label, kept)
        evaluator.forget()
    failed = (
        ScorerFailure(label, failure.error, failure.traceback)
        for failure, label in failures.items()
    )
    return Scored(tuple(rows), tuple(failed), agreed)


def _inputs(given: CheckedFeatures) -> ScoringInputs:
    train, test = given.train.bank, given.test.bank
    has_logits = test.logits is not None or given.head is not None
    source = source_of_predictions(has_logits=has_logits, has_labels=len(train.labels) > 0)
    return ScoringInputs(
        banks={one.name: one.bank for one in given.banks},
        id_train=given.train.name,
        id_test=given.test.name,
        head=given.head,
        id_predictions=predicted_classes(source, test, train, given.head),
        checks_labels=True,
    )


def _scored(
    given: CheckedFeatures, scorer: Choice[AnyScorer], label: str, evaluator: Evaluator
) -> Iterator[tuple[Row, Evaluation | None]]:
    """Yield a scorer's row for every OOD set, and what it is made of; None where it lacks one."""
    splits = {"train": given.train, **({"val": given.val} if given.val else {})}
    split, note = learns_from(scorer.parameters, splits)
    fit = Fit(label, scorer, splits[split].name, note)
    lacks = {
        ood.name: missing(
            scorer.parameters, given.lacks, splits[split].lacks, [given.test.lacks, ood.lacks]
        )
        for ood in given.oods
    }
    requests = [Request(fit, name) for name, reason in lacks.items() if reason is None]
    evaluations = evaluator.evaluate(requests)
    for name, reason in lacks.items():
        if reason is not None:
            yield Row(label, name, reason=reason), None
        else:
            made = next(evaluations)
            yield _row(label, name, made), made


def _row(label: str, ood: str, made: Evaluation) -> Row:
    if made.failure is not None:
        return Row(label, ood, reason=f"failed: {made.failure.error}")
    metrics = {name: made.metrics.get(name) for name in METRICS}
    counts = made.n_id, made.n_ood
    return Row(label, ood, metrics, *counts, made.seconds, made.reason, made.note)
