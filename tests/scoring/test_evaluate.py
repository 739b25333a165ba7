"""The engine of scoring by itself, on banks in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.metrics import METRICS
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.scorers import Scorer, Scores, State
from mood_sweeps.scoring.evaluate import Evaluator
from mood_sweeps.scoring.inputs import Fit, Known, Request, ScoringInputs


@dataclass(frozen=True)
class Distance(Scorer):
    """s = minus the distance from the mean of train"""

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"

    error: type[Exception] | None = None

    def fit(self, bank: FeatureBank, head: Head | None) -> State:
        del head
        if self.error is not None:
            raise self.error("a stone in the way")
        return {"mean": bank.features.mean(axis=0)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        return -np.abs(bank.features - state["mean"]).sum(axis=1).astype(np.float64)


def bank(n: int, shift: float) -> FeatureBank:
    rng = np.random.default_rng(n)
    return FeatureBank(rng.normal(shift, 1, (n, 3)).astype(np.float32), rng.integers(0, 2, n))


BANKS = {"train": bank(50, 0), "test": bank(40, 0), "near": bank(30, 1), "far": bank(20, 3)}
INPUTS = ScoringInputs(BANKS, "train", "test", None, BANKS["test"].labels, checks_labels=False)


def requests(error: type[Exception] | None = None) -> list[Request]:
    fit = Fit("distance", Choice("distance", Distance(error)), "train", "a note")
    return [Request(fit, "near"), Request(fit, "far", "of the far set")]


def test_numbers_notes_and_scores_of_each_request() -> None:
    evaluator = Evaluator(INPUTS, ScorerRunner())
    near, far = evaluator.evaluate(requests())
    assert list(near.metrics) == list(METRICS)
    assert near.metrics["id_accuracy"] == 1.0
    assert (near.note, far.note) == ("a note", "a note; of the far set")
    assert near.scores is not None
    assert far.scores is not None
    assert near.scores[0] is far.scores[0]  # ID test is scored once
    assert [len(one) for one in (*near.scores, far.scores[1])] == [40, 30, 20]


def test_what_is_known_is_not_computed_again() -> None:
    first = Evaluator(INPUTS, ScorerRunner())
    before = [one.metrics for one in first.evaluate(requests())]
    known = Known(dict(first.states), dict(first.scores))
    first.forget()
    assert first.states == first.scores == {}
    again = Evaluator(INPUTS, ScorerRunner(), known)
    # Were it fitted again, it would raise.
    assert [one.metrics for one in again.evaluate(requests(ValueError))] == before
    assert again.states == again.scores == {}


@pytest.mark.parametrize(("error", "has_traceback"), [(ValueError, True), (InputError, False)])
def test_an_error_is_one_failure_and_says_all_there_is_to_know(
    error: type[Exception], has_traceback: bool
) -> None:
    near, far = Evaluator(INPUTS, ScorerRunner()).evaluate(requests(error))
    assert near.failure is not None
    assert near.failure is far.failure
    assert near.failure.error == f"{error.__name__}: a stone in the way"
    assert ("Traceback" in near.failure.traceback) == has_traceback
    assert near.metrics == {}
