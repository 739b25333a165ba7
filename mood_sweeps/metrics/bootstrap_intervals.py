"""Stratified bootstrap of the AUROC: a second method for the intervals, to check DeLong's.

Images are drawn with replacement within each side, so both sides keep their size, and the AUROC (or
the difference of two scores' AUROCs on the same draws) is computed for each draw; the interval lies
between the quantiles α/2 and 1 − α/2 of the results (Efron's percentiles). It assumes no normality
and costs one ranking per resample. Near separation it is too short, because it knows the sample
only: report ``auroc_interval`` there.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics.ranking import Counts, places

__all__ = ["bootstrap_difference_interval", "bootstrap_interval"]

_BLOCK = 1 << 19
"""How many images are drawn at once: some tens of megabytes."""

Areas = npt.NDArray[np.float64]


def bootstrap_interval(
    id_scores: npt.ArrayLike,
    ood_scores: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval (low, high) of the AUROC; the same for the same seed.

    Scores (n_id,), (n_ood,), higher = more in-distribution. Raises InputError unless 0 < level < 1
    and for fewer than 2 / (1 − level) resamples, which leave the tails empty; Undefined where all
    resamples agree (separated or constant scores), for an empty side, NaN or infinite scores.
    """
    _check(level, resamples)
    areas = _resampled([places(id_scores, ood_scores)], resamples, seed)
    return _percentiles(areas[0], level)


def bootstrap_difference_interval(
    id_scores_a: npt.ArrayLike,
    ood_scores_a: npt.ArrayLike,
    id_scores_b: npt.ArrayLike,
    ood_scores_b: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval (low, high) of AUROC_A − AUROC_B on the same images.

    Scores as ``paired_delong``. Raises as ``bootstrap_interval``, and InputError for sides of
    different lengths.
    """
    _check(level, resamples)
    a, b = places(id_scores_a, ood_scores_a), places(id_scores_b, ood_scores_b)
    if [len(side) for side in a] != [len(side) for side in b]:
        raise InputError("both scores must be of the same images")
    areas = _resampled([a, b], resamples, seed)
    return _percentiles(areas[0] - areas[1], level)


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise InputError(f"a confidence level must be between 0 and 1, not {level}")
    needed = math.ceil(round(2 / (1 - level), 6))
    if resamples < needed:
        raise InputError(f"level {level} needs {needed} resamples or more, not {resamples}")


def _resampled(scores: list[tuple[Counts, Counts]], resamples: int, seed: int) -> Areas:
    """Return the AUROCs (scores, resamples) of scores, all on the same draws of images."""
    n_id, n_ood = (len(side) for side in scores[0])
    random = np.random.default_rng(seed)
    at_once = max(1, _BLOCK // (n_id + n_ood))
    areas = np.empty((len(scores), resamples))
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        id_draws = random.integers(n_id, size=(rows, n_id))
        ood_draws = random.integers(n_ood, size=(rows, n_ood))
        for score, (id_places, ood_places) in enumerate(scores):
            areas[score, start : start + rows] = _areas(id_places[id_draws], ood_places[ood_draws])
    return areas


def _areas(id_places: Counts, ood_places: Counts) -> Areas:
    """Return the AUROC of each row of places (rows, n_id) and (rows, n_ood)."""
    values = int(max(id_places.max(), ood_places.max())) + 1
    id_counts, ood_counts = _counted(id_places, values), _counted(ood_places, values)
    twice_wins = (id_counts * (2 * ood_counts.cumsum(axis=1) - ood_counts)).sum(axis=1)
    areas: Areas = twice_wins / (2 * id_places.shape[1] * ood_places.shape[1])
    return areas


def _counted(places: Counts, values: int) -> Counts:
    """Return how often each of ``values`` places occurs in each row: int64 (rows, values)."""
    rows = len(places)
    cells = places + values * np.arange(rows)[:, np.newaxis]
    return np.bincount(cells.ravel(), minlength=rows * values).reshape(rows, values)


def _percentiles(areas: Areas, level: float) -> tuple[float, float]:
    if (areas == areas[0]).all():
        raise Undefined("all resamples agree: the bootstrap cannot tell how certain that is")
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
