"""Write engine events as rows: one short transaction per event, so that a crash loses nothing.

The same transaction puts what MLflow has to show of these rows into the outbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mood_sweeps.engine.attempt_logs.log_file import log_name
from mood_sweeps.identity import key_of
from mood_sweeps.jobs.outcome import Made, Outcome, made_of
from mood_sweeps.metrics.registry import METRICS_DIGEST
from mood_sweeps.planning.calls import Call, Scoring
from mood_sweeps.planning.plan import Cell, Plan
from mood_sweeps.planning.stages import Stage
from mood_sweeps.results.database import Connection
from mood_sweeps.results.outbox import Subject, enqueue_all
from mood_sweeps.results.write_results import Recorder
from mood_sweeps.store import Store
from mood_sweeps.workspace import Workspace

__all__ = ["Recording"]


class Recording:
    """The engine's listener that writes the results database."""

    def __init__(
        self,
        recorder: Recorder,
        plan: Plan,
        revision: int,
        evaluated: Iterable[str],
        workspace: Workspace,
    ) -> None:
        self._recorder = recorder
        self._sweep = plan.sweep.name
        self._revision = revision
        self._workspace = workspace
        self._launch: int | None = None
        self._evaluated = set(evaluated)
        self._open_attempts: dict[str, int] = {}
        self._cells_by_subject: dict[Subject, list[Cell]] = defaultdict(list)
        for cell in plan.cells:
            self._cells_by_subject[_subject(cell)].append(cell)
        self._subjects_by_evaluation: dict[str, set[Subject]] = defaultdict(set)
        self._subjects_by_checkpoint: dict[str, list[Subject]] = defaultdict(list)
        for subject, cells in self._cells_by_subject.items():
            self._subjects_by_checkpoint[cells[0].representation.key].append(subject)
            for cell in cells:
                self._subjects_by_evaluation[cell.evaluation_key].add(subject)

    def set_launch(self, launch: int) -> None:
        """Attribute what follows to this launch."""
        self._launch = launch

    def adopt(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows that the store holds and the database lacks."""
        with self._recorder.database.writing() as connection:
            self._write_rows(connection, rows)

    def adopt_stages(self, stages: Sequence[Stage], store: Store) -> None:
        """Write the stages that the database lacks and the store holds."""
        with self._recorder.database.reading() as connection:
            unknown = self._recorder.unknown_stages(connection, [stage.key for stage in stages])
        # Not in a write transaction: reading the manifests takes a while, others may want to write.
        rows = [
            _stage_row(made_of(stage, store.manifest(stage.ref)))
            for stage in stages
            if stage.key in unknown and store.is_sound(stage.ref)
        ]
        with self._recorder.database.writing() as connection:
            self._recorder.add_stages(connection, rows)

    def enqueue_all_subjects(self) -> None:
        """Put all evaluated subjects of the sweep into the outbox; it skips what it already has."""
        with self._recorder.database.writing() as connection:
            self._enqueue(connection, sorted(self._cells_by_subject))

    def started(self, call: Call, attempt: int) -> None:
        """Write that a worker got a call."""
        assert self._launch is not None
        row = {
            "call_key": call.key,
            "kind": call.kind,
            "label": call.label,
            "method": call.method,
            "units": call.units,
            "number": attempt,
            "log": self._log(call, attempt),
        }
        self._open_attempts[call.key] = self._recorder.begin_attempt(self._launch, row)

    def _log(self, call: Call, attempt: int) -> str:
        """Return the log of an attempt as a path from the workspace, which may be moved."""
        assert self._launch is not None
        log = self._workspace.logs_of(self._launch) / log_name(call.key, attempt)
        return log.relative_to(self._workspace.home).as_posix()

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """Write the outcome of an attempt in one transaction: objects, numbers, failures."""
        del attempt
        with self._recorder.database.writing() as connection:
            partly = bool(outcome.failures)
            self._recorder.end_attempt(
                connection,
                self._open_attempts.pop(call.key),
                {
                    "worker": outcome.worker,
                    "seconds": outcome.seconds,
                    "outcome": outcome.verdict,
                    "error": outcome.error or (outcome.failures[0].error if partly else None),
                    "traceback": outcome.traceback
                    or "\n".join(failure.traceback for failure in outcome.failures)
                    or None,
                },
            )
            self._recorder.add_stages(connection, [_stage_row(made) for made in outcome.made])
            self._enqueue_remade(connection, outcome.made)
            self._write_rows(connection, outcome.evaluations)
            for failure in outcome.failures:
                self._mark(connection, failure.evaluation_keys, "failed", failure.error)
            if final and call.scoring is not None and not outcome.is_finished:
                self._mark(connection, _evaluation_keys(call.scoring), "failed", outcome.error)

    def skipped(self, call: Call, cause: Call, outcome: Outcome) -> None:
        """Write why the cells of a call that will not run have no number."""
        if call.scoring is not None:
            with self._recorder.database.writing() as connection:
                reason = f"{cause} failed: {outcome.error}"
                self._mark(connection, _evaluation_keys(call.scoring), "skipped", reason)

    def waiting(self, call: Call, holder: str) -> None:
        """Write nothing: the other launch writes its own attempts."""

    def _write_rows(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        self._recorder.add_evaluations(connection, [dict(row) for row in rows])
        keys = {row["evaluation_key"] for row in rows}
        self._evaluated |= keys
        touched = {subject for key in keys for subject in self._subjects_by_evaluation.get(key, ())}
        self._enqueue(connection, sorted(touched))

    def _enqueue_remade(self, connection: Connection, made: Iterable[Made]) -> None:
        """Put checkpoints into the outbox that were made again after evaluations on them.

        MLflow may show that they are gone.
        """
        changed = {
            (subject.representation, key_of([item.ref.key, item.created_at]))
            for item in made
            for subject in self._subjects_by_checkpoint.get(item.ref.key, ())
            if any(
                cell.evaluation_key in self._evaluated for cell in self._cells_by_subject[subject]
            )
        }
        enqueue_all(connection, self._sweep, sorted(changed))

    def _mark(self, connection: Connection, keys: Sequence[str], status: str, reason: str) -> None:
        self._recorder.mark_cells(connection, self._revision, list(keys), status, reason)

    def _enqueue(self, connection: Connection, subjects: Sequence[Subject]) -> None:
        """Put pairs and their representations into the outbox, with digests of their content."""
        shown: set[Subject] = set()
        changed: list[tuple[Subject, str]] = []
        for subject in subjects:
            done = sorted(
                cell.evaluation_key
                for cell in self._cells_by_subject[subject]
                if cell.evaluation_key in self._evaluated
            )
            if done:
                representation = subject.representation
                if representation not in shown:
                    shown.add(representation)
                    changed.append((representation, key_of(representation.parts)))
                changed.append((subject, key_of([METRICS_DIGEST, *done])))
        enqueue_all(connection, self._sweep, changed)


def _subject(cell: Cell) -> Subject:
    representation = cell.representation
    return Subject.of_pair(representation.key, representation.id_set, cell.pair.ood_set)


def _evaluation_keys(scoring: Scoring) -> list[str]:
    return [request.evaluation_key for request in scoring.evaluations]


def _stage_row(made: Made) -> dict[str, Any]:
    return {
        "key": made.ref.key,
        "kind": made.ref.kind,
        "label": made.label,
        "digest": made.digest,
        "bytes": made.size,
        "seconds": made.seconds,
        "environment": made.environment,
        "created_at": made.created_at,
    }
