"""Planning at scale: the quickstart's grid with more seeds, planned, and relaunched when finished.

    python benchmarks/planning.py [--cells 100000] [--largest 1000000]

Goals: 100,000 cells planned in ≤ 4 s and ≤ 1 GB, 1,000,000 in ≤ 60 s; relaunching a finished
100,000-cell sweep in ≤ 8 s with 0 stages run and Ray never started. The floor beside it: hashing
three short texts a cell, which is what identity costs at least.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENT = Path(__file__).parent.parent / "experiments" / "pretext_vs_scorer.yaml"
CELLS_PER_SEED = 654

PLAN = """
import json, resource, sys, time
import mood_sweeps as ms
from mood_sweeps.experiment.load import load_sweep
seeds = int(sys.argv[2])
began = time.perf_counter()
sweep = load_sweep(sys.argv[1], [f"axes.seed={list(range(seeds))}"])
loaded = time.perf_counter()
planned = ms.plan(sweep)
ended = time.perf_counter()
counts = planned.stage_counts()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"cells": len(planned.cells), "load": loaded - began, "plan": ended - loaded,
                  "gb": peak, "stages": sum(counts.values())}))
"""

FINISH = """
import sys
import mood_sweeps as ms
from mood_sweeps.launching.cell_rows import cell_rows, revision_digest
from mood_sweeps.results.write_results import Recorder, now
from mood_sweeps.experiment.load import load_sweep
seeds = int(sys.argv[2])
sweep = load_sweep(sys.argv[1], [f"axes.seed={list(range(seeds))}"])
planned = ms.plan(sweep)
workspace = ms.Workspace.at(sys.argv[3])
workspace.open_store().prepare()
database = workspace.open_database()
database.prepare()
recorder = Recorder(database)
recorder.ensure_revision(sweep.name, revision_digest(planned), sweep.source, "", cell_rows(planned))
with database.writing() as connection:
    recorder.add_evaluations(connection, [
        {"evaluation_key": cell.evaluation_key, "auroc": 0.5, "id_accuracy_from": "head", "n_id": 1,
         "n_ood": 1, "seconds": 0.0, "object_key": "0" * 64, "input_digest": "0" * 64,
         "environment": "", "created_at": now()} for cell in planned.cells])
"""


def planned(seeds: int) -> dict[str, float]:
    """Return what a fresh process measured while planning so many seeds."""
    run = subprocess.run(
        [sys.executable, "-c", PLAN, str(EXPERIMENT), str(seeds)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(run.stdout))


def floor_seconds(cells: int) -> float:
    """Return the seconds that three SHA-256 of 200 characters take for each cell."""
    text = b"x" * 200
    began = time.perf_counter()
    for _ in range(3 * cells):
        hashlib.sha256(text).hexdigest()
    return time.perf_counter() - began


def relaunch(seeds: int, home: Path) -> tuple[float, str]:
    """Return the wall seconds and the last line but four of relaunching a finished sweep."""
    subprocess.run(
        [sys.executable, "-c", FINISH, str(EXPERIMENT), str(seeds), str(home)], check=True
    )
    command = [str(Path(sys.executable).parent / "mood-sweep"), "launch", str(EXPERIMENT)]
    command += ["--set", f"axes.seed={list(range(seeds))}", "--home", str(home), "--no-mlflow"]
    began = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    (line,) = [line for line in run.stdout.splitlines() if "cells done" in line]
    return seconds, line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--largest", type=int, default=1_000_000)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    heads = ("cells", "stages", "load s", "plan s", "µs/cell", "× floor", "GB")
    print("".join(f"{head:>10}" for head in heads))
    for cells in sorted({arguments.cells // 10, arguments.cells, arguments.largest}):
        seen = planned(-(-cells // CELLS_PER_SEED))
        ratio = seen["plan"] / floor_seconds(int(seen["cells"]))
        each = seen["plan"] / seen["cells"] * 1e6
        print(
            f"{seen['cells']:>10,}{seen['stages']:>10,}{seen['load']:>10.2f}{seen['plan']:>10.2f}"
            f"{each:>10.1f}{ratio:>10.1f}{seen['gb']:>10.2f}"
        )
    with tempfile.TemporaryDirectory() as folder:
        seconds, line = relaunch(-(-arguments.cells // CELLS_PER_SEED), Path(folder) / ".mood")
    print(f"relaunch of a finished sweep: {seconds:.2f} s ({line})")


if __name__ == "__main__":
    main()
