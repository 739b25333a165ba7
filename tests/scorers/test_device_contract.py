"""Every scorer of the catalogue on a device of torch: what NumPy gives, but for rounding."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.numeric.array_device import computing_on
from tests.support.scorer_cases import Case, make_case
from tests.support.scorer_references.compare import compared, references
from tests.support.torch_devices import DEVICES, Watched

# What costs rows × dimensions × columns. The others are left to NumPy, or to a network.
MULTIPLYING = {
    *("ash_b", "ash_p", "ash_s", "cfood", "cosine", "dice", "gauss", "gmm", "grood"),
    *("kl_matching", "kmeans", "knn", "knn_raw", "mahalanobis", "mahalanobis_per_class"),
    *("mc_dropout", "neco", "nnguide", "pnml", "react", "relation", "residual", "rmd", "ssd"),
    *("vim", "vra"),
}


@functools.cache
def a_case() -> Case:
    """Several blocks of rows, and dimensions enough for what is float32 where they are many."""
    return make_case(n=3100, d=150, c=6)


def scores(name: str, case: Case) -> np.ndarray:
    """Return the scores on banks of which nothing was computed before."""
    train, test = (dataclasses.replace(bank) for bank in (case.train, case.test))
    scorer = SCORERS[name](**references()[name].parameters)
    state = scorer.fit(train, case.head if "head" in scorer.needs else None)
    assert all(isinstance(array, np.ndarray) for array in state.values())
    return scorer.score(state, test)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", sorted(SCORERS))
def test_a_device_gives_the_scores_of_numpy(name, device):
    live = {"network", "decoder"} & set(SCORERS[name].needs)
    case = make_case() if live else a_case()
    alone = scores(name, case)
    there = Watched(device)
    with computing_on(there):
        found = scores(name, case)
    assert found.dtype == np.float64
    deviation = compared(found, alone)
    assert deviation.largest <= 1e-5
    assert deviation.ranks == 1
    if name.partition("@")[0] in MULTIPLYING and not live:
        assert there.given, "its products stayed with NumPy"
