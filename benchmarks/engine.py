"""What the engine costs a stage: calls that do next to nothing, through the real everything.

    python benchmarks/engine.py [--calls 10000] [--many 50000] [--workers 2]

Each call scores one cell of a real plan on banks of a few images that every call shares. First it
publishes its number durably, then, against a new database, it finds it in the store: all that is
left is schedule, lease, executor, reading back and rows. Goals through Ray: ≤ 3 ms a stage without
publish, ≤ 12 ms with; driver memory flat over 50,000. Beside it what is unavoidable: a bare actor
call, a bare SQLite transaction, a bare durable file.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from limits import print_limits
from trivial_calls import prepared, repeated

from mood_sweeps.engine.executors.contract import Executor
from mood_sweeps.engine.executors.inline import InlineExecutor, InlineSettings
from mood_sweeps.engine.executors.ray.executor import RayExecutor
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.engine.loop import Policy, run
from mood_sweeps.engine.schedule import Schedule
from mood_sweeps.engine.stop import Stop
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.launching.cell_rows import cell_rows, revision_digest
from mood_sweeps.launching.record_events import Recording
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.plan import Plan
from mood_sweeps.results.database import Database
from mood_sweeps.results.write_results import Recorder
from mood_sweeps.store import Store
from mood_sweeps.store.leases import Leases
from mood_sweeps.store.process_identity import this_process
from mood_sweeps.workspace import Workspace

PARTS: dict[str, list[tuple[type, str]]] = {
    "schedule": [(Schedule, "pop"), (Schedule, "put_back"), (Schedule, "succeed")],
    "leases": [(Leases, "acquire"), (Leases, "release")],
    "rows": [(Recording, "started"), (Recording, "ended")],
    "Ray: submit": [(RayExecutor, "submit")],
    "Ray: wait for and fetch outcomes": [(RayExecutor, "wait")],
}
spent: defaultdict[str, float] = defaultdict(float)


def clocked(part: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method, its wall seconds added to a part's."""

    @functools.wraps(method)
    def run_it(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spent[part] += time.perf_counter() - began

    return run_it


class Memory:
    """A listener that keeps the driver's resident megabytes, ten times over a run."""

    def __init__(self, calls: int) -> None:
        self._every = max(calls // 10, 1)
        self._ended = 0
        self.megabytes: list[float] = []
        self.in_workers = 0.0

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """Look at the memory now and then."""
        del call, attempt, final
        assert outcome.verdict in ("done", "reused"), outcome.error
        self.in_workers += outcome.seconds
        self._ended += 1
        if self._ended % self._every == 0:
            self.megabytes.append(psutil.Process().memory_info().rss / 1e6)

    def started(self, *_: Any) -> None:
        """Nothing to see."""

    skipped = waiting = started


def engine_run(
    name: str, plan: Plan, calls: Sequence[Call], store: Store, executor: Executor, database: Path
) -> Memory:
    """Run the calls, write a database, and print what a call took."""
    recorder = Recorder(Database(f"sqlite:///{database}"))
    recorder.database.prepare()
    digest = revision_digest(plan)
    revision, _ = recorder.ensure_revision(plan.sweep.name, digest, "", "", cell_rows(plan))
    recording = Recording(recorder, plan, revision, (), Workspace.at(database.parent))
    process = this_process().as_dict()
    recording.set_launch(recorder.begin_launch(revision, executor.name, process, "", len(calls)))
    memory = Memory(len(calls))
    spent.clear()
    cpu, began = time.process_time(), time.perf_counter()
    run(Schedule(calls), executor, store, [recording, memory], Stop(), Policy())
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    recorder.database.close()
    each, load = 1000 / len(calls), os.getloadavg()[0]
    print(
        f"{name:<32}{len(calls):>7,} calls{seconds * each:>8.2f} ms each; in workers "
        f"{memory.in_workers * each:.2f}, driver CPU {cpu * each:.2f} (load {load:.1f})"
    )
    for part, part_s in spent.items():
        print(f"  {part:<35}{part_s * each:>8.3f} ms")
    return memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for part, methods in PARTS.items():
        for owner, method in methods:
            setattr(owner, method, clocked(part, getattr(owner, method)))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan, calls, store = prepared(folder, arguments.calls)
        worker, settings = WorkerSettings(), RaySettings(workers=arguments.workers)
        inline = InlineExecutor(store, worker, InlineSettings())
        ray = RayExecutor(store, worker, settings)
        ray.start()
        while ray.first_startable(calls[:1]) is None:
            ray.wait(1.0)
        print_limits(folder, arguments.workers)
        engine_run("inline, published", plan, calls[:1000], store, inline, folder / "1.db")
        engine_run("inline, in the store", plan, calls[:1000], store, inline, folder / "2.db")
        engine_run("Ray, published", plan, calls[1000:], store, ray, folder / "3.db")
        engine_run("Ray, in the store", plan, calls, store, ray, folder / "4.db")
        many = repeated(calls, arguments.many)
        memory = engine_run("Ray, in the store", plan, many, store, ray, folder / "4.db")
        ray.close()
        store.leases.close()
    shown = ", ".join(f"{megabytes:.0f}" for megabytes in memory.megabytes)
    print(f"driver memory over {len(many):,} calls, MB: {shown}")


if __name__ == "__main__":
    main()
