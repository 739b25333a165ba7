"""One grid three ways: naive Ray Tune, careful Ray Tune, mood-sweep. Same functions, same numbers.

    python benchmarks/sweep_vs_tune.py [--small] [--ours-seconds SECONDS]

(a) naive: a Tune grid search, one trial a cell: train, extract three banks, fit, score.
(b) careful: one Tune trial a checkpoint on reused actors, which saves its banks; then all cells
    scored by hand in one process that reads each bank once.
(c) ours: `mood-sweep launch` in a fresh workspace, with its records and its MLflow mirror.

Of the quickstart (a) and (b) run a sample (`tune_trials.py`); whole runs are modelled from its
CPU seconds (`tune_model.py`), which favours Tune; (c) is wall seconds as measured.
--small: 12 cells, all three run in full; their AUROCs must be equal to the last bit.
Goals: (a)/(c) ≥ 100 a cell, (b)/(c) ≥ 3.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from tune_model import costs
from tune_trials import CORES, EXPERIMENT, planned

import mood_sweeps as ms

SMALL = ["axes.pretext=[classification]", "axes.backbone=[vit_nano]", "axes.seed=[0]"]
SMALL += ["axes.scorer=[msp, energy, mahalanobis]"]
SMALL += ["pairs=[{id: digits:0-5, near: [digits:6-9], far: [photos]}]"]


def timed(command: list[str]) -> tuple[str, float, float]:
    """Return a command's output, its wall seconds and its process tree's CPU seconds."""
    began, cpu = time.perf_counter(), {}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        running = subprocess.Popen(command, stdout=output, stderr=errors, text=True)
        root = psutil.Process(running.pid)
        while running.poll() is None:
            # Ray's processes have no parent once it has shut down: measured while alive.
            for process in [root, *root.children(recursive=True)]:
                try:
                    spent = process.cpu_times()
                except psutil.Error:
                    continue
                cpu[process.pid] = spent.user + spent.system
            time.sleep(0.25)
        seconds = time.perf_counter() - began
        output.seek(0)
        errors.seek(0)
        if running.returncode:
            raise RuntimeError(f"{command} failed:\n{errors.read()[-3000:]}")
        return output.read(), seconds, sum(cpu.values())


def tune(method: str, small: bool) -> dict[str, Any]:
    """Run one of the Tune ways in a fresh process."""
    command = [sys.executable, str(Path(__file__).with_name("tune_trials.py")), method]
    for override in SMALL if small else []:
        command += ["--set", override]
    load, spawned = os.getloadavg()[0], time.time()
    output, wall, cpu = timed([*command, *(["--all"] if small else [])])
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    trials = found["trials"]
    slower = sum(each["wall"] for each in trials) / sum(sum(t["spent"].values()) for t in trials)
    start = (min(each["ready"] for each in trials) - spawned) / max(slower, 1)
    print(
        f"{method}: {len(trials)} trials in {wall:.0f} s, {cpu:.0f} CPU s, load average {load:.1f} "
        f"before; trials took {slower:.2f}× their CPU seconds"
    )
    return found | {"start": start, "wall": wall, "cpu": cpu}


def ours(small: bool) -> tuple[float, float, dict[str, float]]:
    """Launch through the command line: wall seconds, CPU seconds, AUROC by evaluation key."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).parent / "mood-sweep"), "launch", str(EXPERIMENT)]
        for override in SMALL if small else []:
            command += ["--set", override]
        load = os.getloadavg()[0]
        _, wall, cpu = timed([*command, "--home", folder])
        frame = ms.open_results(folder).frame()
    print(f"ours: {len(frame)} cells in {wall:.0f} s, {cpu:.0f} CPU s, load average {load:.1f}")
    return wall, cpu, dict(zip(frame["evaluation_key"], frame["auroc"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--ours-seconds", type=float, help="of a launch that was measured before")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {CORES} cores, Python {platform.python_version()}")
    plan = planned(SMALL if arguments.small else [])
    naive, careful = tune("naive", arguments.small), tune("careful", arguments.small)
    wall, cpu = arguments.ours_seconds, None
    if wall is None or arguments.small:
        wall, cpu, numbers = ours(arguments.small)
        made = naive["made"] | careful["made"]
        equal = sum(numbers[key] == value for key, value in made.items())
        print(f"{equal} of {len(made)} AUROCs of Tune's ways equal ours to the last bit")
    if arguments.small:  # measured in full: nothing to model
        for name, way in (("(a)", naive), ("(b)", careful)):
            print(f"{name}/(c): {way['wall'] / wall:.1f} in seconds, {way['cpu'] / cpu:.1f} in CPU")
        return
    cost = costs(plan, naive, careful)
    print(f"start {cost.start:.1f} s; then core-seconds:")
    for name in ("naive", "careful", "useful"):
        print(f"{name:>10}: " + ", ".join(f"{k} {v:,.1f}" for k, v in getattr(cost, name).items()))
    a, b = cost.naive_wall(), cost.careful_wall()
    floor = cost.start + sum(cost.useful.values()) / CORES
    print(f"(a)/(c) {a / wall:.1f}, (b)/(c) {b / wall:.2f}; were ours free: {b / floor:.2f}")
    if cpu:  # what other processes on the machine hardly change
        own = careful["cpu"] - sum(sum(each["spent"].values()) for each in careful["trials"])
        a, b = sum(cost.naive.values()), own + sum(cost.careful.values())
        print(f"in CPU seconds: (a)/(c) {a / cpu:.1f}, (b)/(c) {b / cpu:.2f}")
    print(f"{'modelled seconds':<18}{'(a)':>9}{'(b)':>7}{'(c)':>13}{'(a)/(c)':>13}{'(b)/(c)':>13}")
    for axis in ("scorers", "pairs", "seeds"):
        for times in (1, 4, 16):
            a, b = cost.naive_wall(**{axis: times}), cost.careful_wall(**{axis: times})
            low, high = cost.ours_walls(wall, **{axis: times})
            print(
                f"{times:>4} × {axis:<11}{a:>9,.0f}{b:>7,.0f}{f'{low:,.0f}–{high:,.0f}':>13}"
                f"{f'{a / high:.0f}–{a / low:.0f}':>13}{f'{b / high:.2f}–{b / low:.2f}':>13}"
            )


if __name__ == "__main__":
    main()
