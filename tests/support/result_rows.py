"""Rows of cells and numbers as a launch would write them."""

from __future__ import annotations

from typing import Any

from mood_sweeps.identity import key_of
from mood_sweeps.metrics import METRICS, METRICS_DIGEST
from mood_sweeps.results.write_results import Recorder


def cell(name: str, **changes: Any) -> dict[str, Any]:
    row = {
        "cell_key": key_of(["cell", name]),
        "pretext": "mim",
        "backbone": "vit_nano",
        "finetune": "pt",
        "scorer": name,
        "id_set": "digits:0-5",
        "ood_set": "digits:6-9",
        "distance": "near",
        "seed": 0,
        "evaluation_key": key_of(["score", name]),
        "representation_key": key_of("representation"),
        "reason": None,
    }
    return row | changes


def number(name: str, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "evaluation_key": key_of(["score", name]),
        "metrics_digest": METRICS_DIGEST,
        "id_accuracy_from": "head",
        "n_id": 100,
        "n_ood": 50,
        "reason": None,
        "seconds": 0.5,
        "object_key": key_of("object"),
        "input_digest": key_of("inputs"),
        "environment": "cpu",
        "created_at": "2026-01-01T00:00:00+00:00",
        "confusion": {
            "ood_classes": ["6", "7"],
            "id_classes": ["0", "1", "2"],
            "accepted": [[1, 2, 3], [4, 5, 6]],
            "n_ood_class": [20, 30],
        },
    }
    return row | dict.fromkeys(METRICS, 0.75) | changes


def add(recorder: Recorder, *rows: dict[str, Any]) -> None:
    with recorder.database.writing() as connection:
        recorder.add_evaluations(connection, rows)
