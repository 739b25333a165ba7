"""Fit, score and evaluate: every fit and every scoring of a bank happens once.

One scorer that raises takes only its own numbers with it.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import InputError, PluginFailed, Undefined, one_line, plain
from mood_sweeps.metrics import PairScores, compute_metrics
from mood_sweeps.note import joined
from mood_sweeps.plugins.scorer_runner import ScorerRunner, Stored
from mood_sweeps.scorers import Scores, State
from mood_sweeps.scorers.notes import ID_TEST, OOD, logit_notes, tie_notes
from mood_sweeps.scoring.inputs import Fit, Known, Request, ScoringInputs, Selection
from mood_sweeps.scoring.label_agreement import Accuracy, Agreement, accuracy_of, agreement_of
from mood_sweeps.scoring.selection import select_candidate

__all__ = ["Evaluation", "Evaluator", "Failure"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Failure:
    """A scorer that raised: the error in a line, and its traceback where the line is not enough.

    All numbers that were lost to one error have the same object.
    """

    error: str
    traceback: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came of a request.

    metrics: by column of `METRICS`; of an undefined number those of the ID classes alone, of a
    failure none. scores: of ID test and the OOD set, float64 (n_id,) and (n_ood,); None without
    metrics. seconds: the number's share of fitting and of scoring ID test, and its own OOD set.
    reason: why there is no number. note: what a reader of the number has to know.
    """

    n_id: int
    n_ood: int
    metrics: Mapping[str, float | None]
    scores: tuple[Scores, Scores] | None = None
    seconds: float = 0.0
    reason: str | None = None
    note: str | None = None
    failure: Failure | None = None


class Evaluator:
    """Makes numbers on the banks of one representation.

    states, scores: what was computed here, in the form of `Known`.
    """

    def __init__(self, inputs: ScoringInputs, runner: ScorerRunner, known: Known | None = None):
        self.states: dict[str, State] = {}
        self.scores: dict[tuple[str, str], Scores] = {}
        self._inputs = inputs
        self._runner = runner
        self._known = known or Known()
        self._id_test = inputs.banks[inputs.id_test]
        self._own_notes: dict[tuple[str, str], tuple[str, ...]] = {}
        self._selected: dict[str, tuple[Fit, float]] = {}
        self._accuracies: dict[str, Accuracy | None] = {}
        self._raised: dict[object, Exception] = {}
        self._failures: list[tuple[Exception, Failure]] = []

    def evaluate(self, requests: Sequence[Request]) -> Iterator[Evaluation]:
        """Yield what comes of each request, in order; each is computed when it is asked for."""
        sharers = Counter(request.fit.key for request in requests)
        shared: dict[str, float] = {}
        for request in requests:
            made, shared_s = self._try(request)
            spent = shared.setdefault(request.fit.key, shared_s)
            yield replace(made, seconds=made.seconds + spent / sharers[request.fit.key])

    def agreement(self, banks: Mapping[str, str]) -> Agreement:
        """Return how the labels of ID banks, by split, agree with the head; ID train comes first.

        banks: the names of the banks, by split: ``train``, ``val``, ``test``.
        """
        return agreement_of([self._accuracy(split, bank) for split, bank in banks.items()])

    def forget(self) -> None:
        """Let go of all states and scores that were computed here, and of what raised."""
        for computed in (self.states, self.scores, self._own_notes, self._selected, self._raised):
            computed.clear()
        self._failures.clear()

    def _try(self, request: Request) -> tuple[Evaluation, float]:
        """Return an evaluation with its own seconds, and those that others of its fit share."""
        n_ood = len(self._inputs.banks[request.ood])
        try:
            return self._evaluate(request)
        except Exception as error:
            failure = self._failure_of(error)
            return Evaluation(len(self._id_test), n_ood, {}, failure=failure), 0.0

    def _evaluate(self, request: Request) -> tuple[Evaluation, float]:
        inputs = self._inputs
        made = Evaluation(
            len(self._id_test),
            len(inputs.banks[request.ood]),
            compute_metrics(self._pair((), ()), needs=("classes",)),
        )
        started = time.perf_counter()
        shared_s = 0.0
        note = None
        try:
            fit, fit_note = self._chosen(request.fit)
            note = joined(fit_note, request.note, self._unknown_classes(), *self._label_notes(fit))
            id_scores = self._scores(fit, inputs.id_test)
            shared_s = time.perf_counter() - started
            started = time.perf_counter()
            ood_scores = self._scores(fit, request.ood)
            notes = self._notes(fit, request.ood, id_scores, ood_scores)
            metrics = compute_metrics(self._pair(id_scores, ood_scores))
        except Undefined as undefined:
            made = replace(made, reason=plain(str(undefined)))
        else:
            note = joined(note, *notes)
            made = replace(made, metrics=metrics, scores=(id_scores, ood_scores))
        own_s = time.perf_counter() - started
        return replace(made, note=note and plain(note), seconds=own_s), shared_s

    def _pair(self, id_scores: Scores | tuple[()], ood_scores: Scores | tuple[()]) -> PairScores:
        """Return scores with the ID classes, where both predictions and labels are known."""
        if self._unknown_classes() is not None:
            return PairScores(id_scores, ood_scores)
        predictions = self._inputs.id_predictions
        return PairScores(id_scores, ood_scores, predictions, self._id_test.labels)

    def _unknown_classes(self) -> str | None:
        """Return why no ID image is known to be classified right, or None."""
        missing = "no ID accuracy, OSCR and CCR: "
        if len(self._id_test.labels) == 0:
            return missing + "the labels of the ID test set are unknown"
        if self._inputs.id_predictions is None:
            return missing + "nothing predicts the ID classes"
        return None

    def _label_notes(self, fit: Fit) -> tuple[str, ...]:
        """Return what speaks against the labels that a number rests on.

        ID accuracy, OSCR and CCR rest on those of ID test; the scores of a scorer that uses labels
        and head together rest on those of the bank that it learns from as well.
        """
        inputs, needs = self._inputs, set(fit.scorer.parameters.needs)
        if not inputs.checks_labels:
            return ()
        learnt_from = "train" if fit.bank == inputs.id_train else "val"
        banks = {"train": inputs.id_train, learnt_from: fit.bank, "test": inputs.id_test}
        rests_on = {"test"}
        if "labels" in needs and {"logits", "head"} & needs:
            rests_on.add(learnt_from)
        warnings = self.agreement(banks).warnings
        return tuple(text for split, text in warnings.items() if split in rests_on)

    def _accuracy(self, split: str, bank: str) -> Accuracy | None:
        if bank not in self._accuracies:
            banks, head = self._inputs.banks, self._inputs.head
            train = banks[self._inputs.id_train]
            self._accuracies[bank] = accuracy_of(split, banks[bank], train, head)
        return self._accuracies[bank]

    def _notes(self, fit: Fit, ood: str, id_scores: Scores, ood_scores: Scores) -> tuple[str, ...]:
        """Return what a reader of a number has to know about its scorer, logits and scores."""
        banks = self._inputs.banks
        return (
            *(note for name in (self._inputs.id_test, ood) for note in self._said(fit, name)),
            *logit_notes(
                fit.scorer.parameters, banks[fit.bank], {ID_TEST: self._id_test, OOD: banks[ood]}
            ),
            *tie_notes({ID_TEST: id_scores, OOD: ood_scores}),
        )

    def _said(self, fit: Fit, name: str) -> tuple[str, ...]:
        """Return what a scorer itself says of its scores of a bank."""
        at = fit.key, name
        if at not in self._own_notes:
            state, bank, stored = self._state(fit), self._bank(name), self._stored(name)
            self._own_notes[at] = self._once(
                ("notes", *at), lambda: self._runner.notes(fit.scorer, state, bank, stored)
            )
        return self._own_notes[at]

    def _chosen(self, fit: Fit | Selection) -> tuple[Fit, str | None]:
        """Return the fit that gives the scores, and what a reader has to know of it."""
        if isinstance(fit, Fit):
            return fit, fit.note
        if fit.key not in self._selected:
            self._selected[fit.key] = self._once(
                ("select", fit.key), lambda: select_candidate(fit, self._scores)
            )
        best, value = self._selected[fit.key]
        chosen = f"{best.scorer.label} selected on {fit.where}, mean AUROC {value:.4f}"
        return best, joined(chosen, best.note)

    def _scores(self, fit: Fit, name: str) -> Scores:
        at = fit.key, name
        for source in (self.scores, self._known.scores):
            if at in source:
                return source[at]
        state, bank, stored = self._state(fit), self._bank(name), self._stored(name)
        scores = self._once(
            ("score", *at), lambda: self._runner.score(fit.scorer, state, bank, stored)
        )
        self.scores[at] = scores
        return scores

    def _state(self, fit: Fit) -> State:
        for source in (self.states, self._known.states):
            if fit.key in source:
                return source[fit.key]
        bank, head, stored = self._bank(fit.bank), self._inputs.head, self._stored(fit.bank)
        state = self._once(
            ("fit", fit.key), lambda: self._runner.fit(fit.scorer, bank, head, stored)
        )
        self.states[fit.key] = state
        return state

    def _bank(self, name: str) -> FeatureBank:
        return self._inputs.banks[name]

    def _stored(self, name: str) -> Stored | None:
        return self._inputs.stored.get(name)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        """Return what ``make`` makes; what it raised before is raised again without trying."""
        if key in self._raised:
            raise self._raised[key]
        try:
            return make()
        except Exception as error:
            self._raised[key] = error
            raise

    def _failure_of(self, error: Exception) -> Failure:
        """Return the failure that an error is; one and the same error is one failure."""
        for known, failure in self._failures:
            if known is error:
                return failure
        text = traceback.format_exc()
        if isinstance(error, PluginFailed | InputError):  # the message says all there is to know
            text = error.traceback if isinstance(error, PluginFailed) else ""
        failure = Failure(one_line(error), plain(text))
        self._failures.append((error, failure))
        return failure
