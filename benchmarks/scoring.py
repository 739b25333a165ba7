"""Every score function on one bank: seconds, memory, the floor, and pytorch-ood beside it.

    python benchmarks/scoring.py [--rows 50000] [--threads 1] [--only vim,knn] [--no-peer]
                                 [--device cuda]

The bank is seeded: 50,000 × 768 train features of 100 classes; 10,000 ID test and 4 × 10,000 OOD
rows are scored. Goals: the nine scores of MOODv2 together within 2 × of the floor measured in the
same run; at least 10 × faster than pytorch-ood over all that both have, none slower than 1.1 ×.

Every scorer learns from the train bank, also one that would take ID validation, and gets banks
for which nothing was computed before; the nine share one set of banks. What takes less than a
second is measured three times, and the fastest counts, on both sides. Memory is the peak of the
process beside what it held before. Both sides have the same number of threads; with one, seconds
are CPU seconds, which other work on the machine changes least.

With ``--device cuda`` products are computed there; ``--device torch`` takes the same path on the
CPU of torch. No peer then; seconds on a GPU are the wall's; floor and memory are the host's.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import platform
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scoring_bank import Banks, Clock, clock_for, floor, make_banks
from scoring_peers import PEERS, PeerTime, measure_peer
from threadpoolctl import threadpool_limits

from mood_sweeps.errors import Undefined
from mood_sweeps.scorers import SCORERS, Scorer
from mood_sweeps.scorers.numeric.array_device import (
    DEVICES,
    computing_on,
    device_named,
    product_with,
)
from mood_sweeps.scorers.numeric.torch_device import TorchDevice

NINE = (
    *("msp", "max_logit", "energy", "react", "vim", "residual"),
    *("gradnorm", "mahalanobis", "kl_matching"),
)
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class OurTime:
    """fit, score: seconds. megabytes: at the peak of both, beside the banks."""

    fit: float
    score: float
    megabytes: float


def measure(scorer: Scorer, banks: Banks, now: Clock) -> OurTime:
    """Fit and score once, on banks for which nothing has been computed."""
    banks, head = banks.fresh(), banks.head if "head" in scorer.needs else None
    before = held(peak=False)
    began = now()
    state = scorer.fit(banks.train, head)
    fitted = now()
    for bank in banks.scored:
        scorer.score(state, bank)
    done = now()
    return OurTime(fitted - began, done - fitted, held(peak=True) - before)


def together(names: Iterable[str], banks: Banks, now: Clock) -> float:
    """Return the seconds of several scores that share their banks."""
    banks = banks.fresh()
    began = now()
    for name in names:
        scorer = SCORERS[name]()
        state = scorer.fit(banks.train, banks.head if "head" in scorer.needs else None)
        for bank in banks.scored:
            scorer.score(state, bank)
    return now() - began


def held(peak: bool) -> float:
    """Return the megabytes this process holds (and start a new peak), or held at most since."""
    if not peak:
        gc.collect()
        # What was freed is handed back first: else it would hide what is allocated next.
        ctypes.CDLL(None).malloc_trim(0)
        RESET.write_text("5")
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def fastest(measured: Any, *given: Any) -> Any:
    """Measure once, or three times what takes less than a second; return the fastest."""
    first = measured(*given)
    if first.fit + first.score > 1:
        return first
    return min([first, *(measured(*given) for _ in range(2))], key=lambda one: one.fit + one.score)


def table(names: list[str], banks: Banks, peers: bool, now: Clock) -> None:
    """Print a line per scorer, and what those that pytorch-ood has take together."""
    common: list[tuple[str, float, float]] = []
    print("| scorer | fit s | score s | MB | pytorch-ood fit s | score s | ÷ ours |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name in names:
        line = f"| `{name}` |"
        try:
            ours = fastest(measure, SCORERS[name](), banks, now)
        except Undefined as reason:
            print(f"{line} {reason} | | | | | |")
            continue
        line += f" {ours.fit:.3f} | {ours.score:.3f} | {ours.megabytes:.0f} |"
        if not peers or name not in PEERS:
            print(f"{line} | | |", flush=True)
            continue
        theirs: PeerTime = fastest(measure_peer, PEERS[name], banks, now)
        note = "" if theirs.sampled == banks.rows else f" ({theirs.sampled:,} rows)"
        common.append((name, ours.fit + ours.score, theirs.fit + theirs.score))
        print(
            f"{line} {theirs.fit:.3f} | {theirs.score:.3f}{note} | "
            f"{common[-1][2] / common[-1][1]:.1f} |",
            flush=True,
        )
    if common:
        summary(common)


def summary(common: list[tuple[str, float, float]]) -> None:
    """Print the ratio over all that both have, and the scorers slower than 1.1 × pytorch-ood."""
    ours, theirs = sum(mine for _, mine, _ in common), sum(its for _, _, its in common)
    mean = statistics.geometric_mean(its / mine for _, mine, its in common)
    print(
        f"\ncommon set, {len(common)} scores: ours {ours:.2f} s, pytorch-ood {theirs:.2f} s, "
        f"{theirs / ours:.1f} × (goal 10); geometric mean of the ratios {mean:.1f} ×"
    )
    slower = [f"{name} ({mine / its:.2f} ×)" for name, mine, its in common if mine > 1.1 * its]
    print("slower than 1.1 ×: " + (", ".join(slower) or "none"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="train rows; as many are scored")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="names of scorers, with commas")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--device", choices=(*DEVICES, "torch"), default="cpu")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(SCORERS)
    # What looks at images needs a network as well: that is another benchmark.
    names = [name for name in chosen if "network" not in SCORERS[name].needs]

    there = TorchDevice("cpu") if arguments.device == "torch" else device_named(arguments.device)
    now = time.perf_counter if arguments.device == "cuda" else clock_for(arguments.threads)
    torch.set_num_threads(arguments.threads)
    with threadpool_limits(arguments.threads), computing_on(there):
        product_with(np.eye(8))(np.eye(8))  # so that no scorer bears the start of a library
        banks = make_banks(arguments.rows)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} used, load "
            f"{os.getloadavg()[0]:.1f}; device {arguments.device}; "
            f"{len(banks.train):,} train and {banks.rows:,} scored rows"
        )
        parts = min((floor(banks, now) for _ in range(3)), key=lambda parts: sum(parts.values()))
        lowest = sum(parts.values())
        print("floor: " + ", ".join(f"{name} {s:.3f}" for name, s in parts.items()), end="")
        print(f"; {lowest:.3f} s")
        if set(NINE) <= set(chosen):
            seconds = min(together(NINE, banks, now) for _ in range(3))
            print(
                f"the nine of MOODv2 together: {seconds:.3f} s, {seconds / lowest:.2f} × (goal 2)"
            )
        print()
        table(names, banks, arguments.device == "cpu" and not arguments.no_peer, now)
        print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
