"""Launch a plan: run what is missing, write rows, mirror into MLflow. To relaunch is to resume."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from mood_sweeps.engine.attempt_logs.old_logs import remove_old_logs
from mood_sweeps.engine.environment import launched_by
from mood_sweeps.engine.executors.catalogue import build_executor
from mood_sweeps.engine.executors.contract import Executor
from mood_sweeps.engine.loop import Policy, Ran, run
from mood_sweeps.engine.schedule import Schedule
from mood_sweeps.engine.stop import Stop, signals_request
from mood_sweeps.errors import ExecutorLost, InputError, Problem, StoreError
from mood_sweeps.identity import key_of
from mood_sweeps.jobs.fill_metrics import metrics_from_store
from mood_sweeps.launching.cell_rows import cell_rows, revision_digest
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.launch_result import LaunchResult
from mood_sweeps.launching.mlflow_mirroring import mirror_launch, update_moved_artifacts
from mood_sweeps.launching.pending_work import PendingWork, estimate_seconds, find_pending_work
from mood_sweeps.launching.progress import Reporter, SilentProgress
from mood_sweeps.launching.record_events import Recording
from mood_sweeps.launching.revision_notices import replacement_lines, same_name_lines
from mood_sweeps.launching.run_counts import RunCounts
from mood_sweeps.launching.sweep_report import write_sweep_report
from mood_sweeps.planning.check_tuning import needs_ray
from mood_sweeps.planning.plan import Plan
from mood_sweeps.results.outbox import Subject, enqueue
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.revisions import revisions_of
from mood_sweeps.results.write_results import Recorder
from mood_sweeps.store import Store
from mood_sweeps.store.process_identity import Process, this_process
from mood_sweeps.tracking.mlflow_mirror import Mirror
from mood_sweeps.workspace import Workspace

__all__ = ["launch"]

_log = logging.getLogger(__name__)

MOST_ROUNDS = 8
"""Another round follows only after an object was found corrupt. Eight are enough for a chain (bank,
checkpoint, checkpoint before it, …) in which the bytes of every object changed."""


def launch(
    plan: Plan,
    workspace: Workspace,
    options: Options | None = None,
    reporter: Reporter | None = None,
) -> LaunchResult:
    """Run what is missing of ``plan`` and return the result.

    Raises InputError, before anything is written, if the workspace or the Ray address cannot be
    used.
    """
    return _Launch(plan, workspace, options or Options(), reporter or SilentProgress()).run()


class _Launch:
    """One launch, from preflight to the last row."""

    def __init__(
        self, plan: Plan, workspace: Workspace, options: Options, reporter: Reporter
    ) -> None:
        self._plan = plan
        self._workspace = workspace
        self._options = options
        self._reporter = reporter
        self._stop = Stop()
        self._result = LaunchResult(plan, workspace)
        self._store: Store
        self._mirror: Mirror | None = None

    def run(self) -> LaunchResult:
        began = time.monotonic()
        executor = self._preflight()
        self._store = self._workspace.open_store()
        self._store.prepare()
        database = self._workspace.open_database()
        database.prepare()
        self._recorder = Recorder(database)
        self._results = Results(database)
        try:
            self._run_missing_work(executor)
        finally:
            self._store.leases.close()
            database.close()
        self._result.alarms = self._recorder.alarms
        self._result.seconds = time.monotonic() - began
        return self._result

    def _preflight(self) -> Executor:
        """Return the executor; raise InputError with every problem before anything is written."""
        problems = [*self._options.problems(), *self._workspace.problems()]
        executor = build_executor(
            Store(self._workspace.store), self._options.worker, self._options.executor_settings
        )
        self._executor_name = executor.name
        try:
            executor.check()
        except InputError as error:
            problems.extend(error.problems)
        if executor.runs_in_this_process:
            where = self._plan.sweep.where
            problems += [Problem(why, where) for why in needs_ray(self._plan.stages())]
        if problems:
            raise InputError(problems)
        return executor

    def _run_missing_work(self, executor: Executor) -> None:
        plan = self._plan
        self._close_dead_launches()
        work = find_pending_work(plan, self._results, self._store, repair=True)
        rows = cell_rows(plan)
        revision, is_new = self._recorder.ensure_revision(
            plan.sweep.name,
            revision_digest(plan),
            plan.sweep.source,
            self._workspace.recorded(Path(plan.sweep.where).absolute()),
            rows,
        )
        self._result.revision = revision
        recording = Recording(self._recorder, plan, revision, work.evaluated, self._workspace)
        self._adopt(work, recording)
        n_filled = self._fill_metrics(revision)
        if is_new or n_filled or not work.is_empty:
            recording.enqueue_all_subjects()
        # A crash up to here loses nothing. From here the launch row must be closed.
        with signals_request(self._stop, self._reporter.say):
            if work.calls:
                self._recorder.forget_failures(revision)
                self._begin_launch(revision, work, recording)
                with self._mirroring() as self._mirror:
                    outcome = "failed"  # unless the rounds return another
                    try:
                        self._report_revisions(revision, is_new)
                        outcome = self._run_rounds(work, executor, recording)
                        self._attach_report()
                    finally:
                        self._end_launch(outcome)
            elif is_new or n_filled or work.adopted or self._has_unmirrored():
                self._report_revisions(revision, is_new)
                self._stop.is_over = True
                with self._mirroring():
                    pass
            else:
                self._report_revisions(revision, is_new)
                if self._options.mlflow:
                    self._report_lines(update_moved_artifacts(self._workspace))
        # Count this revision: another launch may have changed the sweep's current revision.
        self._result.cells = self._results.status_counts(revision=revision)
        found = revisions_of(self._results.database, plan.sweep.name)
        self._result.is_shown = any(each.is_current and each.id == revision for each in found)
        self._report_lines(replacement_lines(found, revision))

    def _fill_metrics(self, revision: int) -> int:
        """Compute missing and outdated metrics from stored scores; return the count of numbers."""
        stale = self._results.stale_metrics(revision)
        if not stale:
            return 0
        self._reporter.say(f"computing metrics of {len(stale):,} numbers from stored scores")
        self._recorder.fill_metrics(metrics_from_store(self._plan.cells, stale, self._store))
        return len(stale)

    def _report_revisions(self, revision: int, is_changed: bool) -> None:
        """Report other revisions of the sweep's name, once other launches can see this one."""
        sweep, launch = self._plan.sweep.name, self._result.launch
        self._report_lines(
            same_name_lines(self._results, sweep, revision, launch, is_changed=is_changed)
        )

    def _report_lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._result.notes.append(line)
            self._reporter.say(line)

    def _adopt(self, work: PendingWork, recording: Recording) -> None:
        """Write the rows that the store holds and the database lacks."""
        if work.adopted:
            recording.adopt(work.adopted)
            self._result.adopted += len(work.adopted)
        if not work.is_empty:
            recording.adopt_stages(tuple(self._plan.stages()), self._store)

    def _run_rounds(self, work: PendingWork, executor: Executor, recording: Recording) -> str:
        measured = self._results.seconds_per_unit()
        try:
            executor.start()
            for _ in range(MOST_ROUNDS):
                ran = self._run_round(work, executor, recording, measured)
                if not ran.corrupt or self._stop.draining:
                    break
                work = find_pending_work(self._plan, self._results, self._store, repair=True)
                self._adopt(work, recording)
            self._result.interrupted = ran.interrupted
            if ran.corrupt and not (ran.interrupted or ran.gave_up):
                self._result.failures.append(
                    f"objects were still found corrupt after {MOST_ROUNDS} rounds; launch again"
                )
        except KeyboardInterrupt:
            self._result.interrupted = True
            self._stop.request_now()  # what follows must not take long either
        except (ExecutorLost, StoreError) as error:
            self._result.failures.append(str(error))
        finally:
            self._stop.is_over = True
            self._reporter.end()
            if self._result.interrupted:
                self._reporter.say("stopping the workers")
            executor.close()
        if self._result.interrupted:
            return "interrupted"
        return "failed" if self._result.failures else "done"

    def _run_round(
        self,
        work: PendingWork,
        executor: Executor,
        recording: Recording,
        measured: dict[tuple[str, str], float],
    ) -> Ran:
        estimates = estimate_seconds(work.calls, measured)
        n_done = len(self._plan.cells) - sum(
            call.units for call in work.calls if call.kind == "score"
        )
        run_counts = RunCounts(work.calls, estimates, n_done)
        self._reporter.begin(run_counts)
        assert self._result.launch is not None
        try:
            ran = run(
                Schedule(work.calls, estimates),
                executor,
                self._store,
                [recording, run_counts, self._reporter],
                self._stop,
                Policy(self._options.max_failures),
                self._workspace.logs_of(self._result.launch),
            )
        finally:
            self._reporter.end()
            self._result.failures = run_counts.failures
            self._result.stages_run += run_counts.stages_run
        return ran

    def _begin_launch(self, revision: int, work: PendingWork, recording: Recording) -> None:
        remove_old_logs(self._workspace.logs)
        counts = self._plan.stage_counts()
        stages = ", ".join(f"{number} {kind}" for kind, number in counts.items())
        self._result.launch = self._recorder.begin_launch(
            revision,
            self._executor_name,
            this_process().as_dict(),
            f"{len(self._plan.cells)} cells; stages: {stages}; calls to run: {len(work.calls)}; "
            f"launched by {launched_by()}",
            len(work.calls),
        )
        recording.set_launch(self._result.launch)
        name, n_calls = self._plan.sweep.name, len(work.calls)
        _log.info("launch %d of %s: %d calls", self._result.launch, name, n_calls)
        with self._recorder.database.writing() as connection:
            subject = Subject.of_launch(self._result.launch)
            content = key_of([self._result.launch, "began"])
            enqueue(connection, self._plan.sweep.name, subject, content)

    def _attach_report(self) -> None:
        """Write the sweep's report for the launch's MLflow run, while the mirror catches up."""
        if self._mirror is None or self._stop.draining:
            return
        try:
            paths = write_sweep_report(
                self._results,
                self._store,
                self._plan.sweep.name,
                None,
                self._workspace.home,
                self._result.revision,
            )
        except InputError as error:
            self._reporter.say(f"no report: {error}")
            return
        assert self._result.launch is not None
        self._mirror.attach_report(self._result.launch, paths[-1].parent)

    def _end_launch(self, outcome: str) -> None:
        assert self._result.launch is not None
        self._write_end(self._result.launch, self._plan.sweep.name, outcome)
        self._recorder.database.refresh_statistics()

    def _write_end(self, launch: int, sweep: str, outcome: str) -> None:
        with self._recorder.database.writing() as connection:
            self._recorder.end_launch(connection, launch, outcome)
            enqueue(connection, sweep, Subject.of_launch(launch), key_of([launch, outcome]))

    def _close_dead_launches(self) -> None:
        """Write the end of launches that were killed before they could write it."""
        self._store.leases.remove_dead()
        for row in self._results.launches(open_only=True):
            process = Process(row["host"], row["pid"], row["process_started"], row["boot"])
            if process.is_surely_dead():
                self._write_end(row["id"], row["sweep"], "killed")

    def _mirroring(self) -> AbstractContextManager[Mirror | None]:
        return mirror_launch(
            self._result, self._options, self._stop, self._recorder.database, self._store
        )

    def _has_unmirrored(self) -> bool:
        return self._options.mlflow and self._results.unmirrored() > 0
