from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_ood import detector as pytorch_ood

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.nnguide import NNGuide, NNGuideOpenOOD, NNGuidePytorchOOD
from tests.support.scorer_cases import score


def bank(features, energies):
    """A bank with one class: its logit is the energy."""
    logits = np.array(energies, dtype=float)[:, None]
    return FeatureBank(np.array(features, dtype=float), np.zeros(0, int), logits)


@pytest.mark.parametrize("kind", [NNGuide, NNGuideOpenOOD])
def test_by_hand(kind):
    # The guides of (3, 4), of unit length (.6, .8), are 3 · .6 and 1 · .8; its own energy is 2.
    train, test = bank([[2, 0], [0, 5]], [3, 1]), bank([[3, 4]], [2])
    np.testing.assert_allclose(score(kind(alpha=1.0, k=1), train, test), [3.6], rtol=1e-6)
    np.testing.assert_allclose(score(kind(alpha=1.0, k=2), train, test), [2.6], rtol=1e-6)
    # More neighbours than there are: all of them.
    np.testing.assert_allclose(score(kind(alpha=1.0, k=9), train, test), [2.6], rtol=1e-6)


@pytest.mark.parametrize("k", [1, 10, 300])
def test_is_the_score_of_pytorch_ood_reversed(case, k):
    head = torch.nn.Linear(*reversed(case.head.weight.shape))
    head.weight.data = torch.from_numpy(case.head.weight)
    head.bias.data = torch.from_numpy(case.head.bias)
    detector = pytorch_ood.NNGuide(None, head, k=k)
    train, test = (torch.from_numpy(b.features) for b in (case.train, case.test))
    detector.fit_features(train, torch.from_numpy(case.train.labels))
    theirs = -detector.predict_features(test).numpy()
    ours = score(NNGuidePytorchOOD(k=k), case.train, case.test)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def test_openood_takes_the_first_rows_and_the_bare_name_any(case):
    first = NNGuideOpenOOD(alpha=0.1).fit(case.train, None)["train"]
    np.testing.assert_array_equal(first, case.train.features[:30])
    drawn = NNGuide(alpha=0.1).fit(case.train, None)["train"]
    assert len(drawn) == 30
    assert set(map(tuple, drawn)) - set(map(tuple, first))
    other = NNGuide(alpha=0.1, seed=1).fit(case.train, None)["train"]
    assert not np.array_equal(drawn, other)


def test_a_small_share_is_at_least_one_sample(case):
    assert len(NNGuide(alpha=1e-6).fit(case.train, None)["train"]) == 1


def test_more_neighbours_than_train_samples_are_undefined_in_pytorch_ood(case):
    with pytest.raises(Undefined, match="no 301 neighbours among 300"):
        NNGuidePytorchOOD(k=301).fit(case.train, None)
