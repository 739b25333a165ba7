"""Where the time of a launch goes: to the first row, and what its workers do after that.

    python benchmarks/timeline.py [--file experiments/pretext_vs_scorer.yaml] [--workers 2]

Launches a sweep through Ray in a new workspace, as `mood-sweep launch` does, and prints when each
thing came first. Goal: workers idle for at most 10 % of their time between the first call and the
last, where a call was ready for them.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from mood_sweeps.api import plan
from mood_sweeps.engine.executors.ray.executor import RayExecutor
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.engine.loop import _Run
from mood_sweeps.launching.launch import _Launch, launch
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.record_events import Recording
from mood_sweeps.tracking.mlflow_mirror import Mirror
from mood_sweeps.workspace import Workspace

BEGAN = time.perf_counter() - (time.time() - psutil.Process().create_time())
"""The imports are part of it."""
QUICKSTART = Path(__file__).parent.parent / "experiments" / "pretext_vs_scorer.yaml"
PARTS: dict[str, tuple[Any, str]] = {
    "records written": (_Launch, "_begin"),
    "Ray started, first worker asked for": (RayExecutor, "_new_actor"),
    "first worker ready": (RayExecutor, "_welcome"),
    "first call started": (Recording, "started"),
    "first call ended": (Recording, "ended"),
    "MLflow imported, its store made": (Mirror, "_connected"),
    "report written": (_Launch, "_attach_report"),
}


class Marks:
    """When things came first. states: (when, calls running, calls ready) after each dispatch."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.states: list[tuple[float, int, int]] = []
        self.outcomes: list[tuple[float, Any, Any]] = []

    def note(self, what: str) -> None:
        self.first.setdefault(what, time.perf_counter() - BEGAN)

    def watch(self) -> None:
        """Have the package's own functions tell when they have returned."""
        for what, (owner, method) in PARTS.items():
            _after(owner, method, lambda *_, what=what: self.note(what))
        _after(Recording, "ended", self._ended)
        _after(_Run, "_dispatch", self._dispatched)

    def _ended(self, _: Recording, call: Any, __: int, outcome: Any, ___: bool) -> None:
        self.outcomes.append((time.perf_counter() - BEGAN, call, outcome))
        if outcome.evaluations:
            self.note("first row")

    def _dispatched(self, run: _Run) -> None:
        now = time.perf_counter() - BEGAN
        ready = sum(map(len, run._schedule._ready.values()))
        self.states.append((now, len(run._running), ready))


def _after(owner: Any, method: str, tell: Callable[..., None]) -> None:
    whole = getattr(owner, method)

    def told(*arguments: Any, **options: Any) -> Any:
        result = whole(*arguments, **options)
        tell(*arguments, *options.values())
        return result

    setattr(owner, method, told)


def idle_share(marks: Marks, workers: int) -> tuple[float, float]:
    """Return the share of worker time that was idle while a call was ready, and while none was."""
    first, last = marks.first["first call started"], marks.outcomes[-1][0]
    all_s = workers * (last - first)
    busy_s = sum(outcome.seconds for _, _, outcome in marks.outcomes)
    unneeded_s = 0.0
    ends = [when for when, _, _ in marks.states[1:]] + [last]
    for (when, running, ready), end in zip(marks.states, ends, strict=True):
        if not ready:
            unneeded_s += (workers - running) * max(0.0, min(end, last) - max(when, first))
    return (all_s - busy_s - unneeded_s) / all_s, unneeded_s / all_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=QUICKSTART)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    marks = Marks()
    marks.note("imported")
    marks.watch()
    with tempfile.TemporaryDirectory() as folder:
        planned = plan(arguments.file)
        marks.note("planned")
        options = Options(RaySettings(workers=arguments.workers))
        launched = launch(planned, Workspace.at(Path(folder) / ".mood"), options)
        marks.note("launch ended")
        marks.first["last call ended"] = marks.outcomes[-1][0]
    assert launched.exit_code == 0, launched.failures
    own = psutil.Process().cpu_times()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load average {load:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after; {len(planned.cells)} cells, {arguments.workers} workers"
    )
    for what, seconds in sorted(marks.first.items(), key=lambda item: item[1]):
        print(f"  {what:<40}{seconds:>8.2f} s")
    print(f"  driver's own CPU: {own.user + own.system:.1f} s")
    by_kind: dict[str, list[float]] = defaultdict(list)
    for _, call, outcome in marks.outcomes:
        by_kind[call.kind].append(outcome.seconds)
    for kind, spent in sorted(by_kind.items(), key=lambda item: -sum(item[1])):
        print(
            f"  {len(spent):>4} {kind:<10}{sum(spent):>8.1f} s in workers, "
            f"{sum(spent) / len(spent):.3f} each, longest {max(spent):.2f}"
        )
    ready, unready = idle_share(marks, arguments.workers)
    print(f"  idle while a call was ready: {ready:.1%} (goal 10 %); while none was: {unready:.1%}")


if __name__ == "__main__":
    main()
