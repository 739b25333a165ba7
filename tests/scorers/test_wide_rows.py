from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.numeric.rows import cached_rows


def test_wide_rows_come_in_smaller_blocks():
    assert cached_rows(10) == cached_rows(128) == 2048
    assert cached_rows(1024) == 256
    assert cached_rows(10**9) == 1


@pytest.mark.parametrize(
    "name", ["temperature_msp", "mcm", "entropy", "gen", "energy", "openmax@openood"]
)
def test_where_a_block_ends_does_not_change_a_score(name):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, 600)
    logits = rng.normal(size=(600, 1000)).astype(np.float32)
    logits[np.arange(600), labels] += 6
    bank = FeatureBank(np.ones((600, 1), np.float32), labels, logits)
    late = FeatureBank(bank.features[100:], labels[100:], logits[100:])
    scorer = SCORERS[name]()
    state = scorer.fit(bank, None)
    np.testing.assert_array_equal(scorer.score(state, late), scorer.score(state, bank)[100:])
