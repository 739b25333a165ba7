"""No distance scorer makes a copy of the bank, in whichever precision."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.numeric import k_means as clusters_module

BLOCKWISE = [
    "mahalanobis",
    "mahalanobis@moodv1",
    "mahalanobis@pytorch_ood",
    "mahalanobis_per_class",
    "rmd",
    "she",
    "euclidean",
    "euclidean@moodv1",
    "minkowski",
    "chebyshev@moodv1",
    "projection@moodv1",
    "gauss",
    "kmeans",
    "gmm",
    "gmm@pytorch_ood",
    "ssd",
]


@pytest.mark.parametrize("name", BLOCKWISE)
def test_memory_is_a_few_blocks_beside_the_bank(name, monkeypatch, tmp_path):
    monkeypatch.setattr(clusters_module, "SAMPLE", 2048)
    n, d, c = 50_000, 64, 3
    features = np.memmap(tmp_path / "features", dtype=np.float32, mode="w+", shape=(n, d))
    rng = np.random.default_rng(0)
    features[:] = rng.normal(size=(n, d))
    features.flush()
    mapped = np.memmap(tmp_path / "features", dtype=np.float32, mode="r", shape=(n, d))
    logits = rng.normal(size=(n, c)).astype(np.float32)
    bank = FeatureBank(mapped, logits.argmax(axis=1), logits)
    scorer = SCORERS[name]()
    tracemalloc.start()
    scorer.score(scorer.fit(bank, None), bank)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A block is 1 MB in float64, the bank 12.8 MB in float32; labels and scores are 0.4 MB each.
    assert peak < 9e6
