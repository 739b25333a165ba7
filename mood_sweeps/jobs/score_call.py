"""A scoring call as the engine of scoring takes it, and what comes of it as rows by content key.

What an earlier object of the group already holds (a fitted state, scores of a bank, a whole
evaluation) is taken from there; only the rest is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head, Ints
from mood_sweeps.errors import Undefined
from mood_sweeps.jobs.confusion_table import confusion_table
from mood_sweeps.metrics.registry import METRICS_DIGEST
from mood_sweeps.note import joined
from mood_sweeps.planning import fits
from mood_sweeps.planning.calls import EvaluationRequest, Scoring
from mood_sweeps.plugins.scorer_runner import ScorerRunner, Stored
from mood_sweeps.scorers import State
from mood_sweeps.scorers.numeric.array_device import computing_on, device_named
from mood_sweeps.scoring import inputs
from mood_sweeps.scoring.evaluate import Evaluation, Evaluator, Failure
from mood_sweeps.store import Ref

__all__ = ["Banks", "Known", "Scored", "requested_fit", "score_call"]

Scores = npt.NDArray[np.float64]


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
    """What a call made: new states and scores by key, rows, and the failures of scorers.

    failures: by failure, the evaluation keys of the numbers that were lost to it.
    """

    states: dict[str, State] = field(default_factory=dict)
    scores: dict[str, Scores] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[Failure, list[str]] = field(default_factory=dict)


def score_call(
    work: Scoring, banks: Banks, known: Known, runner: ScorerRunner, device: str = "cpu"
) -> Scored:
    """Return everything that could be made.

    device: where products are computed, by name; InputError where this process has none.
    """
    evaluator = Evaluator(_inputs(work, banks), runner, _known(work, known))
    requests = [
        inputs.Request(requested_fit(asked.fit), asked.ood_bank.key, _note(asked))
        for asked in work.evaluations
    ]
    made = Scored()
    with computing_on(device_named(device)):
        for asked, evaluation in zip(work.evaluations, evaluator.evaluate(requests), strict=True):
            if evaluation.failure is not None:
                made.failures.setdefault(evaluation.failure, []).append(asked.evaluation_key)
            else:
                made.rows.append(_row(work, banks, asked, evaluation))
    made.states = evaluator.states
    made.scores = {fits.scores_key(*at): scores for at, scores in evaluator.scores.items()}
    return made


def requested_fit(fit: fits.Fit | fits.Selection) -> inputs.Fit | inputs.Selection:
    """Return a fit or a selection as the engine of scoring takes it: banks by their keys."""
    if isinstance(fit, fits.Fit):
        return _fit(fit)
    ood_val = tuple(bank.key for bank in fit.ood_val)
    return inputs.Selection(
        fit.key, tuple(map(_fit, fit.candidates)), fit.id_val.key, ood_val, fit.where
    )


def _fit(fit: fits.Fit) -> inputs.Fit:
    return inputs.Fit(fit.key, fit.scorer, fit.bank.key, fit.note)


def _note(asked: EvaluationRequest) -> str | None:
    n = asked.n_left_out
    return joined(f"{n} OOD images left out: exposed to" if n else None, asked.images_note)


def _inputs(work: Scoring, banks: Banks) -> inputs.ScoringInputs:
    return inputs.ScoringInputs(
        banks={ref.key: bank for ref, bank in banks.features.items()},
        id_train=work.train_bank.key,
        id_test=work.id_bank.key,
        head=banks.head,
        id_predictions=banks.predictions.get(work.id_bank),
        checks_labels=work.checkpoint.kind == "given",
        stored={ref.key: stored for ref, stored in banks.stored.items()},
    )


def _known(work: Scoring, known: Known) -> inputs.Known:
    """Return what is known of a call's fits and banks, by these instead of content keys."""
    if not known.scores:
        return inputs.Known(known.states)
    scores = {}
    for fit, bank in dict.fromkeys(_scorings(work)):
        key = fits.scores_key(fit, bank)
        if key in known.scores:
            scores[fit, bank] = known.scores[key]
    return inputs.Known(known.states, scores)


def _scorings(work: Scoring) -> Iterator[tuple[str, str]]:
    """Yield every fit and bank, by key, that a call may have to score."""
    for asked in work.evaluations:
        fit = asked.fit
        candidates = (fit,) if isinstance(fit, fits.Fit) else fit.candidates
        val = () if isinstance(fit, fits.Fit) else (fit.id_val, *fit.ood_val)
        banks = (work.id_bank.key, asked.ood_bank.key, *(bank.key for bank in val))
        yield from ((one.key, bank) for one in candidates for bank in banks)


def _row(work: Scoring, banks: Banks, asked: EvaluationRequest, made: Evaluation) -> dict[str, Any]:
    """Return an evaluation as a row for the database, by column."""
    learnt_from = (bank.ref for bank in asked.fit.banks)
    refs = dict.fromkeys((work.train_bank, work.id_bank, *learnt_from, asked.ood_bank))
    confusion, lacks = _confusion(work, banks, asked, made)
    knows_classes = len(banks.features[work.id_bank].labels) and work.id_bank in banks.predictions
    return {
        "evaluation_key": asked.evaluation_key,
        **made.metrics,
        "metrics_digest": METRICS_DIGEST,
        "id_accuracy_from": work.predictions if knows_classes else "none",
        "n_id": made.n_id,
        "n_ood": made.n_ood,
        "reason": made.reason,
        "note": joined(made.note, lacks),
        "banks": [ref.key for ref in refs],
        "confusion": confusion,
        "seconds": made.seconds,
    }


def _confusion(
    work: Scoring, banks: Banks, asked: EvaluationRequest, made: Evaluation
) -> tuple[dict[str, Any] | None, str | None]:
    """Return the confusion table, or None and why there is none."""
    if made.scores is None:
        return None, None
    try:
        table = confusion_table(
            *made.scores,
            banks.features[asked.ood_bank],
            banks.predictions.get(asked.ood_bank),
            asked.ood_classes,
            work.id_classes,
        )
    except Undefined as undefined:
        return None, f"no confusion: {undefined}"
    return table, None
