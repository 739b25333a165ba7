"""The work of a launch: cells without a number, rows that the store already holds, calls to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.errors import CorruptObject
from mood_sweeps.jobs.score_objects import stored_rows
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.missing_calls import calls_for, group_of
from mood_sweeps.planning.plan import Cell, Plan, Representation
from mood_sweeps.planning.stage_inputs import Pretrain
from mood_sweeps.results.read_results import Results
from mood_sweeps.store import Ref, Store

__all__ = ["PendingWork", "estimate_seconds", "find_pending_work"]

UNTRAINED_SECONDS = 0.5
"""The estimate for a pretraining without a corpus, which only initialises random weights."""


@dataclass(frozen=True, eq=False)
class PendingWork:
    """What is missing of a plan.

    evaluated: keys of evaluations that have a row. adopted: rows the store holds and the database
    lacks. calls: what must run for the rest.
    """

    evaluated: frozenset[str]
    adopted: tuple[Mapping[str, Any], ...]
    calls: tuple[Call, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to run and nothing to adopt."""
        return not self.calls and not self.adopted


def find_pending_work(
    plan: Plan, results: Results | None, store: Store, *, repair: bool
) -> PendingWork:
    """Return what is missing of ``plan``.

    results: None where there is no database yet. repair: put corrupt objects into quarantine
    (a launch does, `mood-sweep plan` does not).
    """
    wanted = {cell.evaluation_key for cell in plan.cells}
    evaluated = results.evaluated(wanted) if results is not None else set()
    without_row = [cell for cell in plan.cells if cell.evaluation_key not in evaluated]
    adopted = list(_stored_rows(without_row, store, repair=repair))
    held = {row["evaluation_key"] for row in adopted}
    open_cells = [cell for cell in without_row if cell.evaluation_key not in held]
    sound: dict[Ref, bool] = {}

    def is_complete(ref: Ref) -> bool:
        if ref not in sound:
            sound[ref] = store.is_sound(ref)
            if repair and not sound[ref] and store.has(ref):
                store.quarantine(ref)
        return sound[ref]

    calls = calls_for(plan, open_cells, is_complete, plan.sweep.image_sets or image_set)
    return PendingWork(frozenset(evaluated), tuple(adopted), calls)


def estimate_seconds(
    calls: Iterable[Call], measured: Mapping[tuple[str, str], float]
) -> dict[str, float]:
    """Return the expected seconds of each call by its key.

    Measured means by (kind, method) where there are any, else defaults that only have to order
    calls.
    """
    estimates = {}
    for call in calls:
        per_unit = measured.get((call.kind, call.method), _default_seconds(call))
        estimates[call.key] = per_unit * call.units
    return estimates


def _default_seconds(call: Call) -> float:
    if any(
        isinstance(work := stage.work, Pretrain) and work.corpus is None for stage in call.stages
    ):
        return UNTRAINED_SECONDS
    return call.job.seconds[call.kind]


def _stored_rows(
    cells: Iterable[Cell], store: Store, *, repair: bool
) -> Iterable[Mapping[str, Any]]:
    by_group: dict[str, set[str]] = {}
    groups: dict[Representation, str] = {}
    for cell in cells:
        representation = cell.representation
        if representation not in groups:
            groups[representation] = group_of(representation)
        by_group.setdefault(groups[representation], set()).add(cell.evaluation_key)
    for group, wanted in by_group.items():
        try:
            for row in stored_rows(store, group):
                if row["evaluation_key"] in wanted:
                    wanted.discard(row["evaluation_key"])
                    yield row
        except CorruptObject as error:
            if repair and error.ref is not None:
                store.quarantine(error.ref)
