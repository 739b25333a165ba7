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
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head, Ints
from mood_sweeps.errors import Undefined
from mood_sweeps.metrics import accepted_confusion, accuracy, detection_metrics
from mood_sweeps.planner.call import Evaluation, Scoring
from mood_sweeps.store import Ref

__all__ = ["Banks", "Known", "Scored", "Scorings"]

Scores = npt.NDArray[np.float64]
State = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Banks:
    """The inputs of a scoring call, in memory.

    predictions: predicted ID class of every image, by bank.
    """

    train: FeatureBank
    id_test: FeatureBank
    ood: Mapping[Ref, FeatureBank]
    head: Head | None
    id_predictions: Ints
    ood_predictions: Mapping[Ref, Ints]


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


class Scorings:
    """Runs the evaluations of one call, each fit and each scoring once."""

    def __init__(self, work: Scoring, banks: Banks, known: Known) -> None:
        self._work = work
        self._banks = banks
        self._known = known
        self._made = Scored()
        self._seconds: dict[str, float] = {}
        self._raised: dict[str, BaseException] = {}
        self._id_accuracy = accuracy(banks.id_predictions, banks.id_test.labels)

    def run(self) -> Scored:
        """Return everything that could be made."""
        sharers = Counter(evaluation.fit_key for evaluation in self._work.evaluations)
        for evaluation in self._work.evaluations:
            try:
                row = self._evaluate(evaluation, sharers[evaluation.fit_key])
            except (Exception, SystemExit) as error:
                # A scorer is user code: whatever it raises is its failure.
                self._lose(evaluation.score_key, error)
            else:
                self._made.rows.append(row)
        return self._made

    def _lose(self, score_key: str, error: BaseException) -> None:
        """Note a failure; numbers lost to one and the same error are noted together."""
        for number, (keys, known, text) in enumerate(self._made.failures):
            if known is error:
                self._made.failures[number] = ((*keys, score_key), known, text)
                return
        self._made.failures.append(((score_key,), error, traceback.format_exc()))

    def _evaluate(self, evaluation: Evaluation, sharers: int) -> dict[str, Any]:
        row: dict[str, Any] = {
            "score_key": evaluation.score_key,
            "id_accuracy": self._id_accuracy,
            "id_accuracy_from": self._work.predictions,
            "n_id": len(self._banks.id_test),
            "n_ood": len(self._banks.ood[evaluation.ood_bank]),
            "reason": None,
            "banks": [
                self._work.train_bank.key,
                self._work.id_bank.key,
                evaluation.ood_bank.key,
            ],
        }
        started = time.perf_counter()
        shared_s = 0.0
        try:
            id_scores = self._scores(evaluation, evaluation.id_scores_key, self._banks.id_test)
            shared_s = time.perf_counter() - started
            started = time.perf_counter()
            ood_bank = self._banks.ood[evaluation.ood_bank]
            ood_scores = self._scores(evaluation, evaluation.ood_scores_key, ood_bank)
            row |= asdict(detection_metrics(id_scores, ood_scores))
            row["confusion"] = self._confusion(evaluation, id_scores, ood_scores)
        except Undefined as undefined:
            row["reason"] = str(undefined)
            row["confusion"] = None
        # Fitting and scoring the ID bank happens once for all pairs: each cell bears its share.
        own_s = time.perf_counter() - started
        spent = self._seconds.setdefault(evaluation.fit_key, shared_s)
        row["seconds"] = own_s + spent / sharers
        return row

    def _scores(self, evaluation: Evaluation, key: str, bank: FeatureBank) -> Scores:
        for source in (self._made.scores, self._known.scores):
            if key in source:
                return source[key]
        state = self._state(evaluation)
        scores: Scores = np.asarray(
            self._once(key, lambda: evaluation.scorer.parameters.score(state, bank)),
            dtype=np.float64,
        )
        if scores.shape != (len(bank),):
            raise ValueError(
                f"scorer {evaluation.scorer.label!r} returned scores of shape {scores.shape} "
                f"for {len(bank)} images; expected ({len(bank)},)"
            )
        self._made.scores[key] = scores
        return scores

    def _state(self, evaluation: Evaluation) -> State:
        for source in (self._made.states, self._known.states):
            if evaluation.fit_key in source:
                return source[evaluation.fit_key]
        scorer = evaluation.scorer.parameters
        state: State = self._once(
            evaluation.fit_key,
            lambda: _as_stored(scorer.fit(self._banks.train, self._banks.head), evaluation),
        )
        self._made.states[evaluation.fit_key] = state
        return state

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what ``make`` makes; what it raised before is raised again without trying."""
        if key in self._raised:
            raise self._raised[key]
        try:
            return make()
        except (Exception, SystemExit) as error:
            self._raised[key] = error
            raise

    def _confusion(
        self, evaluation: Evaluation, id_scores: Scores, ood_scores: Scores
    ) -> dict[str, Any]:
        ood = self._banks.ood[evaluation.ood_bank]
        ood_classes, id_classes = evaluation.ood_classes, self._work.id_classes
        counts = accepted_confusion(
            id_scores,
            ood_scores,
            ood.labels,
            self._banks.ood_predictions[evaluation.ood_bank],
            len(ood_classes),
            len(id_classes),
        )
        return {
            "ood_classes": list(ood_classes),
            "id_classes": list(id_classes),
            "accepted": counts.tolist(),
            "n_ood_class": np.bincount(ood.labels, minlength=len(ood_classes)).tolist(),
        }


def _as_stored(state: Mapping[str, Any], evaluation: Evaluation) -> State:
    """Return a state as it will come back from the store, so that it scores the same then.

    Raises TypeError where it is more than named arrays of numbers.
    """
    arrays = {name: np.asarray(value, order="C") for name, value in state.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"the state of scorer {evaluation.scorer.label!r} holds {name!r} of dtype "
                f"{array.dtype}; only arrays of numbers can be stored"
            )
    return arrays
