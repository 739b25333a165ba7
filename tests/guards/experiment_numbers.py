"""Run every experiment file and compare its numbers with those on record, to the bit.

    python tests/guards/experiment_numbers.py            # minutes
    python tests/guards/experiment_numbers.py --record   # write them anew, where they should move

A change of names or of structure must not change a number: names of stage kinds and of roles feed
the seeds. ``experiment_numbers.json`` holds one digest for each representation of each sweep, over
all metrics of all its rows, and the digests of all weights and banks. Another kind of CPU or
another torch rounds differently, so numbers are compared only on the machine class on record.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_suffix(".json")
METRICS = (
    "auroc", "auroc_low", "auroc_high", "fpr95", "fpr95_ood_positive", "aupr_in", "aupr_out",
    "ap_in", "ap_out", "detection_error", "autc", "oscr", "ccr_at_fpr05", "id_accuracy", "n_id",
    "n_ood",
)  # fmt: skip
REPRESENTATION = ("sweep", "pretext", "backbone", "finetune", "seed", "id_set")
CELL = ("scorer", "ood_set")


def machine() -> str:
    """Return what rounding depends on: the CPU's vector units and the versions of the libraries."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    vectors = next((name for name in ("avx512f", "avx2") if name in flags), "no avx2")
    libraries = (f"{name} {version(name)}" for name in ("torch", "numpy", "scipy", "scikit-learn"))
    return ", ".join((platform.machine(), vectors, *libraries))


def launch_all(home: Path, executor: str) -> None:
    """Launch every experiment file in one workspace; raise CalledProcessError where one fails."""
    command = Path(sys.executable).with_name("mood-sweep")
    for file in sorted((ROOT / "experiments").glob("*.yaml")):
        print(f"launch {file.name}", flush=True)
        options = ["--home", home, "--executor", executor, "--no-mlflow"]
        subprocess.run(
            [command, "launch", file, *options], check=True, stdout=subprocess.DEVNULL, cwd=ROOT
        )


def digests_of_rows(home: Path) -> dict[str, str]:
    """Return a digest for each representation over all metrics of its rows."""
    with sqlite3.connect(home / "results.db") as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("select * from results").fetchall()
    numbers = defaultdict(list)
    for row in rows:
        representation = " · ".join(str(row[axis]) for axis in REPRESENTATION)
        values = [_bits(row[metric]) for metric in METRICS]
        numbers[representation].append([*(row[axis] for axis in CELL), row["status"], *values])
    return {
        name: _digest(sorted(lines, key=lambda line: line[:2])) for name, lines in numbers.items()
    }


def _bits(value: float | int | None) -> str | None:
    return value.hex() if isinstance(value, float) else None if value is None else str(value)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def digests_of_arrays(home: Path) -> dict[str, list[str]]:
    """Return the digests of all weights and banks in the store, by the name of the file."""
    found = defaultdict(set)
    for manifest in home.glob("store/objects/**/manifest.json"):
        for name, file in json.loads(manifest.read_text())["files"].items():
            if name in ("model.safetensors", "bank.safetensors"):
                found[name].add(file["sha256"][:16])
    return {name: sorted(digests) for name, digests in sorted(found.items())}


def differences(was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each representation with numbers that moved, and for each file of arrays."""
    for name in sorted(was["rows"].keys() | now["rows"].keys()):
        if was["rows"].get(name) != now["rows"].get(name):
            yield f"{name}: {was['rows'].get(name, 'absent')} → {now['rows'].get(name, 'absent')}"
    for name in was["arrays"]:
        gone = set(was["arrays"][name]) - set(now["arrays"].get(name, ()))
        if gone:
            yield f"{len(gone)} of {len(was['arrays'][name])} {name} on record were not made again"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write the numbers instead")
    parser.add_argument("--home", type=Path, help="keep the workspace in this folder")
    parser.add_argument("--executor", default="ray", choices=("ray", "inline"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made_for_this:
        home = chosen.home or Path(made_for_this)
        launch_all(home, chosen.executor)
        now = {
            "machine": machine(),
            "rows": digests_of_rows(home),
            "arrays": digests_of_arrays(home),
        }
    if chosen.record:
        FILE.write_text(json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        print(f"wrote {len(now['rows'])} representations to {FILE}")
        return
    was = json.loads(FILE.read_text())
    if was["machine"] != now["machine"]:
        sys.exit(f"recorded on {was['machine']}; this is {now['machine']}: bits cannot be compared")
    if moved := list(differences(was, now)):
        sys.exit("\n".join([f"{len(moved)} differences:", *moved]))
    print(f"the numbers of {len(now['rows'])} representations are equal to the bit")


if __name__ == "__main__":
    main()
