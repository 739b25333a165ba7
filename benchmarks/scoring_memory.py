"""What fitting costs in memory on a bank of ImageNet's size, 1.28 million × 1024 float32.

    python benchmarks/scoring_memory.py [--rows 1281167] [--only mahalanobis,vim]

Goal: the process, the bank's 5.2 GB among it, stays within 8 GB. Every scorer gets a bank for
which nothing was computed before; the last line is all of them on one bank, as a sweep fits them.
One thread, CPU seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers import SCORERS

WIDTH, CLASSES, BLOCK = 1024, 100, 2**16
NAMES = (
    *("mahalanobis", "mahalanobis@moodv1", "rmd", "residual", "vim", "neco", "pnml", "gauss"),
    *("react", "she", "caref", "cadref", "nci", "fdbd", "dice", "kl_matching", "euclidean"),
)


def make_bank(rows: int) -> tuple[FeatureBank, Head]:
    """Return a bank of classes in noise, made block by block, and its head."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLASSES, WIDTH), dtype=np.float32)
    labels = rng.integers(0, CLASSES, rows)
    features = np.empty((rows, WIDTH), np.float32)
    for start in range(0, rows, BLOCK):
        block = features[start : start + BLOCK]
        rng.standard_normal(block.shape, dtype=np.float32, out=block)
        block += centres[labels[start : start + BLOCK]]
    head = Head(centres, rng.standard_normal(CLASSES, dtype=np.float32))
    return FeatureBank(features, labels, features @ head.weight.T + head.bias), head


def fit(names: Iterable[str], bank: FeatureBank, head: Head) -> tuple[float, float]:
    """Return the seconds of fitting on one fresh bank, and the gigabytes held at the peak."""
    Path("/proc/self/clear_refs").write_text("5")
    bank = FeatureBank(bank.features, bank.labels, bank.logits)
    began = time.process_time()
    for name in names:
        scorer = SCORERS[name]()
        scorer.fit(bank, head if "head" in scorer.needs else None)
    seconds = time.process_time() - began
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return seconds, peak * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_281_167)
    parser.add_argument("--only", help="names of scorers, with commas")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(NAMES)
    with threadpool_limits(1):
        bank, head = make_bank(arguments.rows)
        arrays = (bank.features, bank.logits)
        sizes = [array.nbytes / 1e9 for array in arrays if array is not None]
        print(f"features {sizes[0]:.2f} GB, logits {sizes[1]:.2f} GB\n")
        print("| fitted | s | GB at the peak |\n|---|--:|--:|")
        for shown in (*([name] for name in names), names):
            seconds, peak = fit(shown, bank, head)
            label = f"`{shown[0]}`" if len(shown) == 1 else "all of them, one bank"
            print(f"| {label} | {seconds:.1f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
