"""How often 95% intervals of the AUROC hold the truth, by shape of the scores, truth and size.

    python benchmarks/auroc_intervals.py [--samples 2000] [--seed 1]

Goal: 94–96% from 0.5 to 0.999, 200 scores a side and more; truth below / above the interval should
be alike, except where no sample of the size puts its lower limit above the truth. Shapes: normal of
equal spread; OOD three times as wide; exponential; Laplace; t with 3 degrees of freedom; log-normal
(a long OOD tail); mixture, where a share of the OOD images looks more ID than every ID image: no
interval that tells separated samples apart from others can be exact there; ties: normal, rounded to
steps of ½. Then the limits of four samples of 400 a side.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from mood_sweeps.metrics import auroc, auroc_interval

TRUTHS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
SIDES = ((200, 200), (200, 2000), (2000, 200), (1000, 1000))
GRID = np.linspace(-8, 8, 20_001)
MIDDLES, WEIGHTS = (GRID[1:] + GRID[:-1]) / 2, np.diff(norm.cdf(GRID))
Rng = np.random.Generator


def shift(cdf: Callable[[Any], Any], quantile: Callable[[Any], Any], truth: float) -> float:
    """Return by how much ID scores are shifted, of the same law as OOD's, for this AUROC."""
    oods = quantile(norm.cdf(MIDDLES))
    return float(brentq(lambda by: (cdf(oods - by) * WEIGHTS).sum() - (1 - truth), -1, 1e4))


def normal(spread: float) -> Any:
    def law(truth: float) -> Any:
        by = norm.ppf(truth) * (1 + spread**2) ** 0.5
        return lambda rng, n, m: (rng.normal(by, 1, n), rng.normal(0, spread, m))

    return law


def exponential(truth: float) -> Any:
    mean = truth / (1 - truth)
    return lambda rng, n, m: (rng.exponential(mean, n), rng.exponential(1, m))


def laplace(truth: float) -> Any:
    by = brentq(lambda by: np.exp(-by) * (2 + by) / 4 - (1 - truth), 0, 60)
    return lambda rng, n, m: (rng.laplace(by, 1, n), rng.laplace(0, 1, m))


def student_3(truth: float) -> Any:
    by = shift(lambda x: student.cdf(x, 3), lambda p: student.ppf(p, 3), truth)
    return lambda rng, n, m: (rng.standard_t(3, n) + by, rng.standard_t(3, m))


def log_normal(truth: float) -> Any:
    by = shift(
        lambda x: norm.cdf(np.log(np.maximum(x, 1e-300))), lambda p: np.exp(norm.ppf(p)), truth
    )
    return lambda rng, n, m: (rng.lognormal(0, 1, n) + by, rng.lognormal(0, 1, m))


def mixture(truth: float) -> Any:
    def draw(rng: Rng, n: int, m: int) -> Any:
        return rng.uniform(1, 2, n), np.where(rng.random(m) < 1 - truth, 3.0, rng.random(m))

    return draw


def tied(truth: float) -> Any:
    law = normal(1)(truth)
    return lambda rng, n, m: tuple(np.round(2 * side) / 2 for side in law(rng, n, m))


def tied_auroc(truth: float) -> float:
    by, steps = norm.ppf(truth) * 2**0.5, np.arange(-60, 80) / 2
    ids = norm.cdf(steps + 0.25 - by) - norm.cdf(steps - 0.25 - by)
    oods = norm.cdf(steps + 0.25) - norm.cdf(steps - 0.25)
    return float((ids * (np.cumsum(oods) - oods / 2)).sum())


SHAPES = {
    "normal": normal(1),
    "OOD wide": normal(3),
    "exponential": exponential,
    "Laplace": laplace,
    "t, 3 d.f.": student_3,
    "log-normal": log_normal,
    "mixture": mixture,
    "ties": tied,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    samples, seed = given.samples, given.seed
    print(
        f"{samples:,} samples a case, ± {1.96 * (0.05 * 0.95 / samples) ** 0.5:.1%}: covered in %"
    )
    print(f"{'n_id':>5}{'n_ood':>6}  {'shape':<12}" + "".join(f"{truth:>15}" for truth in TRUTHS))
    for n, m in SIDES:
        for shape, law in SHAPES.items():
            cells = []
            for truth in TRUTHS:
                rng, draw = np.random.default_rng(seed), law(truth)
                real = tied_auroc(truth) if shape == "ties" else truth
                ends = np.array([auroc_interval(*draw(rng, n, m)) for _ in range(samples)])
                below, above = 100 * np.mean(real < ends[:, 0]), 100 * np.mean(real > ends[:, 1])
                cells.append(f"{100 - below - above:.1f} {below:.1f}/{above:.1f}".rjust(15))
            print(f"{n:>5}{m:>6}  {shape:<12}" + "".join(cells), flush=True)
    print("limits, 400 a side, normal scores")
    for distance in (4.4, 4.7, 5.2, 9.0):
        rng = np.random.default_rng(0)
        ids, oods = rng.normal(distance, 1, 400), rng.normal(0, 1, 400)
        print(f"  {auroc(ids, oods):.6f}", auroc_interval(ids, oods))


if __name__ == "__main__":
    main()
