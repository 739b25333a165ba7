"""Metrics of 50,000 ID against 50,000 OOD scores, beside scikit-learn; coverage of the intervals.

    python benchmarks/metrics.py [--images 50000] [--runs 15]
    python benchmarks/metrics.py --coverage 10000

Goal: AUROC, FPR95 in both conventions and AUPR-in/out together in ≤ 30 ms, with the interval of the
AUROC. scikit-learn computes the same numbers without an interval. The floor: one argsort of all.
Coverage: how often 95% intervals of samples of 200 a side hold the truth; goal 93–97% for AUROCs
of 0.6 to 0.99 and for differences. It takes minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score, roc_curve

from mood_sweeps.metrics import auroc_interval, bootstrap_interval, detection_metrics, paired_delong

OURS, PEER = "all with the interval", "scikit-learn, no interval"
FLOOR = "one argsort of all scores"
SIDE = 200
AUROCS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
PAIRS = ((0.6, 0.6), (0.8, 0.7), (0.9, 0.9), (0.95, 0.9), (0.99, 0.9), (0.99, 0.97), (0.99, 0.99),
         (0.995, 0.99))  # fmt: skip
CORRELATIONS = (0.0, 0.5, 0.95)
SPREADS = (1.0, 3.0)
Scores = Any


def milliseconds(run: Callable[[], Any], runs: int) -> tuple[float, float, float]:
    """Return least and median wall and median CPU time of a call, after one that does not count."""
    run()
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
    return min(walls), statistics.median(walls), statistics.median(cpus)


def by_scikit_learn(ids: Scores, oods: Scores) -> list[float]:
    """Return AUROC, FPR95 in both conventions, AUPR-in and -out."""
    positive = np.repeat([1, 0], [len(ids), len(oods)])
    values = np.concatenate([ids, oods])
    fprs, areas = [], []
    for labels, scores in ((positive, values), (1 - positive, -values)):
        fpr, tpr, _ = roc_curve(labels, scores)
        fprs.append(fpr[np.searchsorted(tpr, 0.95)])
        precision, recall, _ = precision_recall_curve(labels, scores)
        areas.append(auc(recall, precision))
    return [roc_auc_score(positive, values), *fprs, *areas]


def speed(images: int, runs: int) -> None:
    rng = np.random.default_rng(0)
    ids, oods = rng.normal(1, 1, images), rng.normal(0, 1, images)
    other_ids, other_oods = ids + rng.normal(0, 1, images), oods + rng.normal(0, 1, images)
    ours = detection_metrics(ids, oods)
    together = [ours.auroc, ours.fpr95, ours.fpr95_ood_positive, ours.aupr_in, ours.aupr_out]
    apart = np.abs(np.subtract(together, by_scikit_learn(ids, oods))).max()
    both, tied = np.concatenate([ids, oods]), (ids.round(1), oods.round(1))
    cases: dict[str, Callable[[], Any]] = {
        OURS: lambda: detection_metrics(ids, oods),
        "the same, heavily tied": lambda: detection_metrics(*tied),
        PEER: lambda: by_scikit_learn(ids, oods),
        FLOOR: lambda: np.argsort(both),
        "paired DeLong": lambda: paired_delong(ids, oods, other_ids, other_oods),
        "bootstrap, 40 resamples": lambda: bootstrap_interval(ids, oods, resamples=40),
    }
    print(f"{images:,} against {images:,}; largest difference from scikit-learn {apart:.1e}")
    print(f"{'':<28}{'min ms':>9}{'median ms':>11}{'CPU ms':>9}")
    cpu = {}
    for name, run in cases.items():
        best, median, cpu[name] = milliseconds(run, runs)
        print(f"{name:<28}{best:>9.2f}{median:>11.2f}{cpu[name]:>9.2f}")
    ours_ms, peer_ms, floor_ms = (cpu[name] for name in (OURS, PEER, FLOOR))
    print(
        f"CPU: scikit-learn takes {peer_ms / ours_ms:.1f}× ours; "
        f"ours takes {ours_ms / floor_ms:.1f}× one argsort"
    )


def drawn(
    rng: np.random.Generator, aurocs: tuple[float, ...], correlation: float, spread: float
) -> Iterator[Scores]:
    """Yield ID and OOD scores of one or two scorers; OOD's are ``spread`` times as wide as ID's."""
    parts = rng.normal(size=(2, len(aurocs), SIDE))
    if len(aurocs) > 1:
        parts[:, 1] = correlation * parts[:, 0] + (1 - correlation**2) ** 0.5 * parts[:, 1]
    for place, auroc in enumerate(aurocs):
        yield parts[0, place] + norm.ppf(auroc) * (1 + spread**2) ** 0.5
        yield parts[1, place] * spread


def coverage(repeats: int) -> None:
    print(f"{SIDE} a side, {repeats:,} samples each; ± {1.96 * (0.05 * 0.95 / repeats) ** 0.5:.2%}")
    print("interval of the AUROC: truth, OOD scores' spread, covered, truth below / above")
    for truth in AUROCS:
        for spread in SPREADS:
            rng = np.random.default_rng(0)
            ends = np.array(
                [auroc_interval(*drawn(rng, (truth,), 0, spread)) for _ in range(repeats)]
            )
            print(f"  {truth:<6}{spread:>4.0f}   {shown(ends, truth)}")
    print("difference, paired: truths, correlation, OOD scores' spread, covered, below / above")
    for truths in PAIRS:
        for correlation in CORRELATIONS:
            for spread in SPREADS:
                rng = np.random.default_rng(0)
                differences = (
                    paired_delong(*drawn(rng, truths, correlation, spread)) for _ in range(repeats)
                )
                ends = np.array([(found.low, found.high) for found in differences])
                what = f"{truths[0]:<6}{truths[1]:<6}{correlation:<5}{spread:>2.0f}"
                print(f"  {what}   {shown(ends, truths[0] - truths[1])}")


def shown(ends: Scores, truth: float) -> str:
    below, above = np.mean(truth < ends[:, 0]), np.mean(truth > ends[:, 1])
    return f"{1 - below - above:.1%}   {below:.1%} / {above:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--coverage", type=int, metavar="SAMPLES")
    arguments = parser.parse_args()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}; load {load}")
    if arguments.coverage:
        coverage(arguments.coverage)
    else:
        speed(arguments.images, arguments.runs)


if __name__ == "__main__":
    main()
