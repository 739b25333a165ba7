"""Start-up of the command line, against the cost of the interpreter and of its light imports.

    python benchmarks/startup.py [--runs 9]

Goals: ``mood-sweep --help`` ≤ 0.3 s, ``mood-sweep plan`` of the quickstart ≤ 1.5 s and
``mood-sweep score`` of a few features ≤ 1.5 s, none importing torch, timm, ray, mlflow,
scikit-learn, SciPy or pandas.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

EXPERIMENT = Path(__file__).parent.parent / "experiments" / "pretext_vs_scorer.yaml"
HEAVY = ("torch", "timm", "ray", "mlflow", "sklearn", "scipy", "pandas", "matplotlib")
CLI = "from mood_sweeps.cli.main import main; main()"


def seconds(command: list[str], runs: int, folder: str) -> tuple[float, float]:
    """Return minimum and median wall seconds of a command."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return min(times), statistics.median(times)


def heavy_imports(arguments: list[str], folder: str) -> list[str]:
    """Return which heavy libraries a command line imported."""
    code = (
        "import sys, atexit\n"
        f"heavy = {HEAVY!r}\n"
        "atexit.register(lambda: print([n for n in heavy if n in sys.modules], file=sys.stderr))\n"
        f"sys.argv = ['mood-sweep', *{arguments!r}]\n{CLI}"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return [name for name in HEAVY if repr(name) in run.stderr.splitlines()[-1]]


def scoring(folder: str) -> list[str]:
    """Write small features to a folder; return the arguments that score them."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 200, 16)).astype(np.float32)
    for name, array in zip(("train", "test", "far"), features, strict=True):
        np.savez(Path(folder) / f"{name}.npz", features=array, labels=np.arange(200) % 5)
    weight = rng.normal(size=(5, 16)).astype(np.float32)
    np.savez(Path(folder) / "head.npz", weight=weight, bias=weight[:, 0])
    sets = ["--id-train", "train.npz", "--id-test", "test.npz", "--ood", "far=far.npz"]
    scorers = "msp,energy,knn,mahalanobis,vim"
    return ["score", *sets, "--head", "head.npz", "--scorers", scorers, "--out", "scored"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    command = str(Path(sys.executable).parent / "mood-sweep")
    light = "import click, numpy, pydantic, sqlalchemy, yaml"
    lighter = "import click, numpy, pydantic, pyarrow.parquet, rich.progress"
    cases = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "mood-sweep --help": [command, "--help"],
        "its light imports": [sys.executable, "-c", light],
        "mood-sweep plan": [command, "plan", str(EXPERIMENT)],
    }
    with tempfile.TemporaryDirectory() as folder:
        score = scoring(folder)
        cases["the light imports of score"] = [sys.executable, "-c", lighter]
        cases["mood-sweep score"] = [command, *score]
        measured = {name: seconds(case, runs, folder) for name, case in cases.items()}
        heavy = {
            "mood-sweep --help": heavy_imports(["--help"], folder),
            "mood-sweep plan": heavy_imports(["plan", str(EXPERIMENT)], folder),
            "mood-sweep score": heavy_imports(score, folder),
        }
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'command':<28}{'min s':>8}{'median s':>10}   heavy imports")
    for name, (best, median) in measured.items():
        print(f"{name:<28}{best:>8.3f}{median:>10.3f}   {', '.join(heavy.get(name, [])) or '–'}")
    for name, floor in (
        ("mood-sweep --help", "python -c 'import click'"),
        ("mood-sweep plan", "its light imports"),
        ("mood-sweep score", "the light imports of score"),
    ):
        ratio = measured[name][1] / measured[floor][1]
        print(f"{name} takes {ratio:.2f}× its floor ({floor})")


if __name__ == "__main__":
    main()
