"""Cells and numbers as a launch hands them to the recorder, and the way round the recorder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from mood_sweeps.metrics import METRICS
from mood_sweeps.results.schema import confusions, evaluations
from mood_sweeps.results.write_results import Recorder

__all__ = ["CALL", "Row", "add_barely", "bare_rows", "grid", "key", "number"]

CALL = 132
SCORERS, PAIRS = 22, 6
TABLE = {"ood_classes": list("6789"), "id_classes": list("012345"), "accepted": [[7] * 6] * 4,
         "n_ood_class": [180] * 4}  # fmt: skip
Row = dict[str, Any]


def key() -> str:
    """Return a key like a digest: its place in an index is anywhere."""
    return os.urandom(32).hex()


def number(evaluation_key: str) -> Row:
    """Return a number as a scoring call hands it over."""
    return dict.fromkeys(METRICS, 0.75) | {
        "evaluation_key": evaluation_key, "id_accuracy_from": "head", "n_id": 360, "n_ood": 720,
        "reason": None, "note": None, "seconds": 0.01, "object_key": key(), "input_digest": key(),
        "environment": "cpu x86_64", "created_at": "2026-01-01T00:00:00+00:00",
        "confusion": TABLE,
    }  # fmt: skip


def grid(count: int) -> Iterator[Row]:
    """Yield the cells of a grid of representations, scorers and pairs."""
    for place in range(count):
        representation, rest = divmod(place, SCORERS * PAIRS)
        scorer, pair = divmod(rest, PAIRS)
        yield {
            "cell_key": key(), "pretext": f"pretext{representation % 4}", "backbone": "vit_nano",
            "finetune": ("none", "pt", "ft")[representation // 4 % 3], "scorer": f"scorer{scorer}",
            "id_set": "digits:0-5", "ood_set": f"ood{pair}", "distance": "far", "reason": None,
            "seed": representation // 12, "evaluation_key": key(), "representation_key": "0" * 64,
        }  # fmt: skip


def bare_rows(numbers: list[Row]) -> dict[Any, list[tuple[Any, ...]]]:
    """Return the rows that numbers come down to, by table, as a driver takes them."""
    columns = [column.name for column in evaluations.columns]
    table = json.dumps(TABLE, sort_keys=True)
    return {
        evaluations: [tuple(row[name] for name in columns) for row in numbers],
        confusions: [(row["evaluation_key"], table) for row in numbers],
    }


def add_barely(recorder: Recorder, rows: dict[Any, list[tuple[Any, ...]]], size: int) -> None:
    """Write the same rows through the driver's executemany, tuples made before."""
    mark = "?" if recorder.database.is_sqlite else "%s"
    count = len(rows[evaluations])
    for start in range(0, count, size):
        with recorder.database.writing() as connection:
            cursor = connection.connection.cursor()
            for table, tuples in rows.items():
                marks = ", ".join([mark] * len(table.columns))
                names = ", ".join(f'"{column.name}"' for column in table.columns)
                statement = (
                    f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"
                )
                cursor.executemany(statement, tuples[start : start + size])
