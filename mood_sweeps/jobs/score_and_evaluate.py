"""Fit, score and evaluate stages of one representation on one ID set, fused into one pass.

What an earlier object of the group already holds (a fitted state, scores of a bank, a whole
evaluation) is taken from there; only the rest is computed. One scorer that raises takes only its
own numbers with it.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head, Ints
from mood_sweeps.errors import InputError, PluginFailed, Undefined
from mood_sweeps.external_features.label_agreement import agreement
from mood_sweeps.jobs.confusion_table import confusion_table
from mood_sweeps.metrics import auroc
from mood_sweeps.metrics.registry import METRICS_DIGEST, PairScores, compute_metrics
from mood_sweeps.note import joined
from mood_sweeps.planning.calls import EvaluationRequest, Scoring
from mood_sweeps.planning.fits import Fit, Selection, scores_key
from mood_sweeps.plugins.scorer_runner import ScorerRunner, Stored
from mood_sweeps.scorers.notes import ID_TEST, OOD, logit_notes, tie_notes
from mood_sweeps.scorers.numeric.array_device import computing_on, device_named
from mood_sweeps.store import Ref

__all__ = ["BankScoring", "Banks", "Known", "Scored", "select_candidate"]

Scores = npt.NDArray[np.float64]
State = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Banks:
    """The inputs of a scoring call, in memory.

    features: the banks that the call needs. head: None for a headless representation.
    predictions: predicted ID class of every image of the ID test bank and the OOD banks; a bank
        of which nothing predicts them is left out.
    stored: where another process finds the banks, for a plugin's scorers.
    """

    features: Mapping[Ref, FeatureBank]
    head: Head | None
    predictions: Mapping[Ref, Ints]
    stored: Mapping[Ref, Stored] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What earlier objects of the group hold, by key."""

    states: Mapping[str, State] = field(default_factory=dict)
    scores: Mapping[str, Scores] = field(default_factory=dict)


@dataclass
class Scored:
    """What a call made: new states and scores by key, rows, and the failures of scorers."""

    states: dict[str, State] = field(default_factory=dict)
    scores: dict[str, Scores] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[tuple[str, ...], BaseException, str]] = field(default_factory=list)


class BankScoring:
    """Runs the evaluations of one call, each fit and each scoring once."""

    def __init__(self, work: Scoring, banks: Banks, known: Known, runner: ScorerRunner) -> None:
        self._work = work
        self._runner = runner
        self._banks = banks
        self._known = known
        self._made = Scored()
        self._seconds: dict[str, float] = {}
        self._raised: dict[str, BaseException] = {}
        self._selected: dict[str, tuple[Fit, float]] = {}
        self._own_notes: dict[str, tuple[str, ...]] = {}
        self._id_test = banks.features[work.id_bank]
        self._id_predictions = banks.predictions.get(work.id_bank)
        self._lacks = self._what_id_test_lacks()
        self._disagreement = self._how_labels_disagree()

    def run(self, device: str = "cpu") -> Scored:
        """Return everything that could be made.

        device: where products are computed, by name; InputError where this process has none.
        """
        with computing_on(device_named(device)):
            self._evaluate_all()
        return self._made

    def _evaluate_all(self) -> None:
        sharers = Counter(evaluation.fit.key for evaluation in self._work.evaluations)
        for evaluation in self._work.evaluations:
            try:
                row = self._evaluate(evaluation, sharers[evaluation.fit.key])
            except Exception as error:
                self._lose(evaluation.evaluation_key, error)
            else:
                self._made.rows.append(row)

    def _lose(self, evaluation_key: str, error: BaseException) -> None:
        """Note a failure; numbers lost to one and the same error are noted together."""
        for number, (keys, known, text) in enumerate(self._made.failures):
            if known is error:
                self._made.failures[number] = ((*keys, evaluation_key), known, text)
                return
        text = traceback.format_exc()
        if isinstance(error, PluginFailed | InputError):  # the message says all there is to know
            text = getattr(error, "traceback", "")
        self._made.failures.append(((evaluation_key,), error, text))

    def _evaluate(self, evaluation: EvaluationRequest, sharers: int) -> dict[str, Any]:
        ood_bank = self._banks.features[evaluation.ood_bank]
        learnt_from = (bank.ref for bank in evaluation.fit.banks)
        banks = (self._work.train_bank, self._work.id_bank, *learnt_from, evaluation.ood_bank)
        row: dict[str, Any] = {
            "evaluation_key": evaluation.evaluation_key,
            **compute_metrics(self._pair((), ()), needs=("classes",)),
            "metrics_digest": METRICS_DIGEST,
            "id_accuracy_from": self._work.predictions if self._lacks is None else "none",
            "n_id": len(self._id_test),
            "n_ood": len(ood_bank),
            "reason": None,
            "note": None,
            "banks": [ref.key for ref in dict.fromkeys(banks)],
        }
        started = time.perf_counter()
        shared_s = 0.0
        try:
            fit, note = self._chosen(evaluation.fit)
            n_left_out = evaluation.n_left_out
            exposed = f"{n_left_out} OOD images left out: exposed to" if n_left_out else None
            row["note"] = joined(note, exposed, self._lacks, self._disagreement)
            id_scores = self._scores(fit, self._work.id_bank)
            shared_s = time.perf_counter() - started
            started = time.perf_counter()
            ood_scores = self._scores(fit, evaluation.ood_bank)
            notes = self._notes(fit, evaluation.ood_bank, id_scores, ood_scores)
            row |= compute_metrics(self._pair(id_scores, ood_scores))
            row["confusion"], lacks = self._confusion(evaluation, id_scores, ood_scores)
            row["note"] = joined(row["note"], lacks, *notes)
        except Undefined as undefined:
            row["reason"] = str(undefined)
            row["confusion"] = None
        # Fitting and scoring the ID bank happens once for all pairs: each cell bears its share.
        own_s = time.perf_counter() - started
        spent = self._seconds.setdefault(evaluation.fit.key, shared_s)
        row["seconds"] = own_s + spent / sharers
        return row

    def _pair(self, id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> PairScores:
        """Return scores with the ID classes, where both predictions and labels are known."""
        if self._lacks is not None:
            return PairScores(id_scores, ood_scores)
        return PairScores(id_scores, ood_scores, self._id_predictions, self._id_test.labels)

    def _notes(self, fit: Fit, ood: Ref, id_scores: Scores, ood_scores: Scores) -> tuple[str, ...]:
        """Return what a reader of a number has to know about its scorer, logits and scores."""
        scorer = fit.scorer.parameters
        tested = {ID_TEST: self._id_test, OOD: self._banks.features[ood]}
        return (
            *(note for ref in (self._work.id_bank, ood) for note in self._said(fit, ref)),
            *logit_notes(scorer, self._banks.features[fit.bank.ref], tested),
            *tie_notes({ID_TEST: id_scores, OOD: ood_scores}),
        )

    def _said(self, fit: Fit, ref: Ref) -> tuple[str, ...]:
        """Return what a scorer itself says of its scores of a bank."""
        key = f"notes {scores_key(fit.key, ref.key)}"
        if key not in self._own_notes:
            state, bank = self._state(fit), self._banks.features[ref]
            stored = self._banks.stored.get(ref)
            self._own_notes[key] = self._once(
                key, lambda: self._runner.notes(fit.scorer, state, bank, stored)
            )
        return self._own_notes[key]

    def _how_labels_disagree(self) -> str | None:
        """Return why labels that a user brought may not be the head's classes, or None."""
        if self._work.checkpoint.kind != "given":
            return None
        train = self._banks.features[self._work.train_bank]
        sets = (("ID train", train), ("ID test", self._id_test))
        return "; ".join(agreement(sets, self._banks.head).warnings) or None

    def _what_id_test_lacks(self) -> str | None:
        """Return why no ID image is known to be classified right, or None."""
        missing = "no ID accuracy, OSCR and CCR: "
        if len(self._id_test.labels) == 0:
            return missing + "the labels of the ID test set are unknown"
        if self._id_predictions is None:
            return missing + "nothing predicts the ID classes"
        return None

    def _chosen(self, fit: Fit | Selection) -> tuple[Fit, str | None]:
        """Return the fit that gives the scores, and the row's note about it."""
        if isinstance(fit, Fit):
            return fit, fit.note or None
        if fit.key not in self._selected:
            self._selected[fit.key] = self._once(
                fit.key, lambda: select_candidate(fit, self._scores)
            )
        best, value = self._selected[fit.key]
        chosen = f"{best.scorer.label} selected on {fit.where}, mean AUROC {value:.4f}"
        return best, "; ".join(filter(None, (chosen, best.note)))

    def _scores(self, fit: Fit, ref: Ref) -> Scores:
        key, bank = scores_key(fit.key, ref.key), self._banks.features[ref]
        for source in (self._made.scores, self._known.scores):
            if key in source:
                return source[key]
        state = self._state(fit)
        stored = self._banks.stored.get(ref)
        scores: Scores = self._once(
            key, lambda: self._runner.score(fit.scorer, state, bank, stored)
        )
        self._made.scores[key] = scores
        return scores

    def _state(self, fit: Fit) -> State:
        for source in (self._made.states, self._known.states):
            if fit.key in source:
                return source[fit.key]
        ref = fit.bank.ref
        bank, stored = self._banks.features[ref], self._banks.stored.get(ref)
        state: State = self._once(
            fit.key, lambda: self._runner.fit(fit.scorer, bank, self._banks.head, stored)
        )
        self._made.states[fit.key] = state
        return state

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what ``make`` makes; what it raised before is raised again without trying."""
        if key in self._raised:
            raise self._raised[key]
        try:
            return make()
        except Exception as error:
            self._raised[key] = error
            raise

    def _confusion(
        self, evaluation: EvaluationRequest, id_scores: Scores, ood_scores: Scores
    ) -> tuple[dict[str, Any] | None, str | None]:
        """Return the confusion table, or None and why there is none."""
        try:
            table = confusion_table(
                id_scores,
                ood_scores,
                self._banks.features[evaluation.ood_bank],
                self._banks.predictions.get(evaluation.ood_bank),
                evaluation.ood_classes,
                self._work.id_classes,
            )
        except Undefined as undefined:
            return None, f"no confusion: {undefined}"
        return table, None


def select_candidate(
    selection: Selection, scores_of: Callable[[Fit, Ref], Scores]
) -> tuple[Fit, float]:
    """Return the candidate with the largest mean AUROC over the validation sets, and that mean.

    scores_of: returns a candidate's scores of a bank. A candidate that raises Undefined cannot be
    chosen. Raises Undefined if none can.
    """
    best: tuple[Fit, float] | None = None
    refusals: dict[str, None] = {}
    for candidate in selection.candidates:
        try:
            id_scores = scores_of(candidate, selection.id_val.ref)
            values = [
                auroc(id_scores, scores_of(candidate, bank.ref)) for bank in selection.ood_val
            ]
        except Undefined as undefined:
            refusals[str(undefined)] = None
            continue
        value = float(np.mean(values))
        if best is None or value > best[1]:
            best = candidate, value
    if best is None:
        raise Undefined(f"no setting is defined on the validation sets: {'; '.join(refusals)}")
    return best
