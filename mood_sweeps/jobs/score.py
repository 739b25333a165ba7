"""The score job: fits, scores and evaluations of one representation on one ID set, in one pass."""

from __future__ import annotations

import dataclasses
from typing import Any

from mood_sweeps.jobs.context import JobContext
from mood_sweeps.jobs.outcome import CellFailure, Outcome, Verdict
from mood_sweeps.jobs.score_call import Banks, Scored, score_call
from mood_sweeps.jobs.score_objects import (
    completed_rows,
    known_parts,
    score_ref,
    stored_rows,
    writer,
)
from mood_sweeps.jobs.weights_note import weights_note
from mood_sweeps.note import joined
from mood_sweeps.planning.calls import Call, Scoring
from mood_sweeps.plugins.scorer_runner import Stored
from mood_sweeps.scoring.predictions import predicted_classes
from mood_sweeps.store import Origin, Ref, Store
from mood_sweeps.store.codecs import load_bank, load_head

__all__ = ["run"]


def run(call: Call, context: JobContext) -> Outcome:
    """Make and publish the numbers that the store lacks."""
    assert call.scoring is not None
    scoring, store = call.scoring, context.store
    wanted = {request.evaluation_key for request in scoring.evaluations}
    stored = [row for row in stored_rows(store, scoring.group) if row["evaluation_key"] in wanted]
    have = {row["evaluation_key"] for row in stored}
    missing = tuple(item for item in scoring.evaluations if item.evaluation_key not in have)
    if not missing:
        return Outcome(call.key, "reused", evaluations=tuple(stored))
    scoring = dataclasses.replace(scoring, evaluations=missing)
    banks = _banks(scoring, store)
    known = known_parts(store, scoring.group)
    try:
        device = "cpu" if context.gpu is None else "cuda"
        scored = score_call(scoring, banks, known, context.runner, device)
    finally:
        context.runner.forget()
    _complete_notes(scored, scoring, banks, context)
    failures = tuple(
        CellFailure(tuple(keys), failure.error, failure.traceback)
        for failure, keys in scored.failures.items()
    )
    rows = _publish(scoring, banks, scored, context) if scored.rows else []
    evaluations = (*stored, *rows)
    verdict: Verdict = "done"
    if failures:
        verdict = "partly failed" if evaluations else "failed"
    return Outcome(call.key, verdict, evaluations=evaluations, failures=failures)


def _complete_notes(scored: Scored, scoring: Scoring, banks: Banks, context: JobContext) -> None:
    """Add to every row's note the doubts about trainings and the choice of weights behind it."""
    doubts = context.doubts(banks.features)
    weights = weights_note(context.store.folder(scoring.checkpoint))
    for row in scored.rows:
        row["note"] = joined(*doubts, row["note"], weights)


def _publish(
    scoring: Scoring, banks: Banks, scored: Scored, context: JobContext
) -> list[dict[str, Any]]:
    origin = Origin(
        content={"kind": "score", "group": scoring.group},
        inputs={ref.key: context.store.manifest(ref).digest for ref in banks.features},
        environment=context.environment,
    )
    predictions = {ref.key: labels for ref, labels in banks.predictions.items()}
    manifest = context.store.publish(
        score_ref(scoring.group, scored),
        writer(scored, predictions),
        origin,
        context.lease,
        sum(row["seconds"] for row in scored.rows),
        provides={"fits": sorted(scored.states), "scores": sorted(scored.scores)},
    )
    return list(completed_rows(scored.rows, manifest))


def _banks(scoring: Scoring, store: Store) -> Banks:
    """Return the banks that a call needs, their head and the predicted classes."""
    tested = dict.fromkeys((scoring.id_bank, *(item.ood_bank for item in scoring.evaluations)))
    learnt_from = (bank.ref for item in scoring.evaluations for bank in item.fit.banks)
    needed = dict.fromkeys((scoring.train_bank, *tested, *learnt_from))
    features = {ref: load_bank(store.folder(ref)) for ref in needed}
    stored: dict[Ref, Stored] = {}
    if scoring.plugin is not None:
        stored = {ref: _stored(ref, scoring, store) for ref in needed}
    elif scoring.extracted:
        # Late, as it imports torch, which other scoring never needs.
        from mood_sweeps.jobs.network_banks import with_network

        features = with_network(features, scoring.extracted, scoring.checkpoint, store)
    train = features[scoring.train_bank]
    head = None
    if train.logits is not None:
        head = load_head(store.folder(scoring.checkpoint))

    # External features may not say how many classes there are.
    classes = len(scoring.id_classes) or None
    predictions = {
        ref: predicted_classes(scoring.predictions, features[ref], train, head, classes)
        for ref in tested
    }
    known = {ref: labels for ref, labels in predictions.items() if labels is not None}
    return Banks(features, head, known, stored)


def _stored(ref: Ref, scoring: Scoring, store: Store) -> Stored:
    """Return where a plugin's process finds a bank, and its network if scorers need it."""
    folder = store.folder(ref)
    if ref not in scoring.extracted:
        return Stored(folder)
    extract = scoring.extracted[ref]
    source = {
        "checkpoint": str(store.folder(scoring.checkpoint)),
        "images": extract.images.to_json(),
        "split": extract.split,
        "left_out": list(extract.left_out),
    }
    return Stored(folder, "mood_sweeps.jobs.network_banks:opened_with_network", source)
