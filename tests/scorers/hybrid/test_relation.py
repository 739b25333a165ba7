from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.hybrid import relation as module
from mood_sweeps.scorers.hybrid.relation import Relation


def bank(features, probabilities):
    logits = np.log(np.array(probabilities, dtype=float))
    return FeatureBank(np.array(features, dtype=float), np.zeros(0, int), logits)


def score(train, test, **parameters):
    scorer = Relation(**parameters)
    return scorer.score(scorer.fit(train, None), test)


def test_by_hand():
    # Cosines .6 and .8, agreements .5 and .5; the second sample looks the other way.
    train = bank([[5, 0], [0, 2]], [[0.9, 0.1], [0.2, 0.8]])
    test = bank([[3, 4], [-1, -1]], [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(score(train, test), [0.7, 0], rtol=1e-6)
    np.testing.assert_allclose(score(train, test, pow=2.0), [0.25, 0], rtol=1e-6)
    np.testing.assert_allclose(score(train, test, threshold=0.35), [0.4, 0], rtol=1e-6)


@pytest.mark.parametrize(("pow_", "threshold"), [(1.0, 0.0), (4.0, 0.03), (0.5, 0.2)])
def test_is_the_formula_in_float64(case, pow_, threshold):
    def directions(b):
        x = b.features.astype(np.float64)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def probabilities(b):
        return softmax(b.logits.astype(np.float64), axis=1)

    cosines = directions(case.test) @ directions(case.train).T
    relations = np.maximum(cosines, 0) * (probabilities(case.test) @ probabilities(case.train).T)
    reference = np.where(relations > threshold, relations**pow_, 0).sum(axis=1)
    ours = score(case.train, case.test, pow=pow_, threshold=threshold)
    np.testing.assert_allclose(ours, reference, rtol=1e-5)


def test_rounding_drops_no_sample_at_the_threshold():
    # Cosines a hair above and below it, which float32 cannot tell from it.
    cosines = np.array([0.03 + 1e-11, 0.03 - 1e-11])
    test = bank(np.column_stack([cosines, np.sqrt(1 - cosines**2)]), [[1.0], [1.0]])
    np.testing.assert_allclose(score(bank([[1, 0]], [[1.0]]), test), [0.03, 0], rtol=1e-6)


def test_tiles_do_not_matter(case, monkeypatch):
    whole = score(case.train, case.test)
    monkeypatch.setattr(module, "TILE", 7)
    monkeypatch.setattr(module, "SWEEP", 21)
    np.testing.assert_allclose(score(case.train, case.test), whole, rtol=1e-6)


def test_the_state_holds_the_arrays_of_the_bank_not_copies(case):
    state = Relation().fit(case.train, None)
    assert state["features"] is case.train.features
    assert state["logits"] is case.train.logits
