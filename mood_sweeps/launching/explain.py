"""Explain why a cell is cached or will run: its stages, and how they differ from stored ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import CorruptObject, InputError
from mood_sweeps.jobs.score_objects import stored_rows
from mood_sweeps.planning.missing_calls import extraction_key, group_of
from mood_sweeps.planning.plan import Cell, Plan
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.results.read_results import Results
from mood_sweeps.store import Store

__all__ = ["ExplainedStage", "explain", "find_cell"]

_SEPARATOR = re.compile(r",(?![^(]*\))")  # not the commas between the parameters of a value
MOST_COMPARED = 200
"""At most so many stored objects of a kind are compared to find the nearest one."""


@dataclass(frozen=True)
class ExplainedStage:
    """One stage behind a cell; state: ``cached``, ``not needed`` or ``will run``; why: reasons."""

    kind: str
    key: str
    label: str
    state: str
    why: tuple[str, ...] = ()


def find_cell(plan: Plan, words: str) -> Cell:
    """Return the one cell that matches ``words``.

    words: the beginning of a cell key (four digits or more), or axis values separated by commas
    in any order and number, such as ``mim,vit_nano,pt,knn,digits:6-9,0``. A pair can be written
    as ``digits:0-5 vs digits:6-9``, and a value with parameters by its bare name, unless that is
    a value itself.
    Raises InputError if no cell or several match.
    """
    by_key = [cell for cell in plan.cells if len(words) >= 4 and cell.cell_key.startswith(words)]
    if len(by_key) == 1:
        return by_key[0]
    wanted = [word.strip() for word in _SEPARATOR.split(words)]
    known = {value for cell in plan.cells for value in _axis_values(cell)}
    bare_names = {value.partition("(")[0] for value in known} - known

    def is_named(cell: Cell) -> bool:
        values = _axis_values(cell)
        bare = {value.partition("(")[0] for value in values} & bare_names
        return all(word in values or word in bare for word in wanted)

    matching = by_key or [cell for cell in plan.cells if is_named(cell)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        unknown = [word for word in wanted if word not in known | bare_names]
        hint = f"{unknown[0]!r}{did_you_mean(unknown[0], known)}" if unknown else repr(words)
        raise InputError(f"no cell of {plan.sweep.name!r} matches {hint}")
    shown = "; ".join(f"{cell.cell_key[:12]} {cell.label}" for cell in matching[:3])
    raise InputError(
        f"{len(matching)} cells match {words!r}; add axis values. The first are: {shown}"
    )


def explain(cell: Cell, results: Results | None, store: Store) -> list[ExplainedStage]:
    """Return the chain behind a cell's number, first stage first."""
    return list(_Explanation(cell, results, store).lines())


class _Explanation:
    """The explanation of one cell."""

    def __init__(self, cell: Cell, results: Results | None, store: Store) -> None:
        self._cell = cell
        self._results = results
        self._store = store

    def lines(self) -> Iterator[ExplainedStage]:
        representation = self._cell.representation
        has_row = self._has_row()
        stored_keys = self._stored_evaluation_keys()
        number_exists = has_row or self._cell.evaluation_key in stored_keys
        banks = self._cell.banks
        needed = not number_exists
        banks_exist = all(self._store.has(bank.ref) for bank in banks)
        for position, stage in enumerate(representation.chain):
            later = representation.chain[position + 1 :]
            is_needed = (
                needed
                and (self._cell.needs_checkpoint or not banks_exist)
                and not any(self._store.has(stage.ref) for stage in later)
            )
            yield self._stage(stage, is_needed)
        for bank in banks:
            yield self._stage(bank, needed)
        yield self._number(has_row, self._cell.evaluation_key in stored_keys)

    def _stage(self, stage: Stage, needed: bool) -> ExplainedStage:
        if self._store.has(stage.ref):
            manifest = self._store.manifest(stage.ref)
            why = f"made {manifest.created_at} in {manifest.seconds:.1f} s, {manifest.size:,} bytes"
            return ExplainedStage(stage.kind, stage.key, stage.label, "cached", (why,))
        if not needed:
            why = "not in the store, and no missing number needs it"
            return ExplainedStage(stage.kind, stage.key, stage.label, "not needed", (why,))
        return ExplainedStage(
            stage.kind, stage.key, stage.label, "will run", tuple(self._why_missing(stage))
        )

    def _number(self, has_row: bool, is_stored: bool) -> ExplainedStage:
        cell = self._cell
        if has_row:
            state, why = "cached", ["its row is in the database"]
        elif is_stored:
            state, why = "cached", ["in the store; the next launch writes its row"]
        else:
            state, why = "will run", ["neither the database nor the store holds this number"]
            results = self._results
            reason = results.missing_reason(cell.evaluation_key) if results is not None else None
            why += [f"the last launch has no number: {reason}"] if reason else []
        label = f"{cell.scorer_label} on {cell.pair.id_set} vs {cell.pair.ood_set}"
        return ExplainedStage("evaluate", cell.evaluation_key, label, state, tuple(why))

    def _why_missing(self, stage: Stage) -> Iterator[str]:
        # All extractions of a checkpoint are one call, named after it.
        is_extract = isinstance(stage.work, Extract)
        failed = self._last_failure(extraction_key(stage.inputs[0]) if is_extract else stage.key)
        if failed:
            yield f"last attempt failed: {failed['error']}"
        nearest = self._nearest(stage)
        if nearest is None:
            yield f"no {stage.kind} object is in the store"
            return
        key, differences = nearest
        yield f"the nearest {stage.kind} object is {key[:12]}; it differs in"
        for field, wanted, stored in differences:
            yield f"  {field}: {wanted!r} here, {stored!r} there"

    def _nearest(self, stage: Stage) -> tuple[str, list[tuple[str, Any, Any]]] | None:
        best: tuple[str, list[tuple[str, Any, Any]]] | None = None
        for number, ref in enumerate(self._store.refs(stage.kind)):
            if number >= MOST_COMPARED:
                break
            stored = self._store.manifest(ref).origin.content
            differences = list(_differences(stage.content, stored))
            if best is None or len(differences) < len(best[1]):
                best = (ref.key, differences)
        return best

    def _has_row(self) -> bool:
        if self._results is None:
            return False
        return bool(self._results.evaluated([self._cell.evaluation_key]))

    def _stored_evaluation_keys(self) -> set[str]:
        try:
            return {
                row["evaluation_key"]
                for row in stored_rows(self._store, group_of(self._cell.representation))
            }
        except CorruptObject:
            return set()

    def _last_failure(self, call_key: str) -> Mapping[str, Any] | None:
        return self._results.last_failure(call_key) if self._results is not None else None


def _differences(wanted: Any, stored: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(wanted, Mapping) and isinstance(stored, Mapping):
        for name in sorted({*wanted, *stored}):
            where = f"{path}.{name}" if path else name
            yield from _differences(wanted.get(name), stored.get(name), where)
    elif wanted != stored:
        yield path, wanted, stored


def _axis_values(cell: Cell) -> set[str]:
    representation = cell.representation
    seed = set() if representation.seed is None else {str(representation.seed)}
    return {
        *seed,
        representation.pretext,
        representation.backbone,
        representation.finetune,
        cell.scorer_label,
        cell.pair.id_set,
        cell.pair.ood_set,
        f"{cell.pair.id_set} vs {cell.pair.ood_set}",
        cell.pair.distance,
    }
