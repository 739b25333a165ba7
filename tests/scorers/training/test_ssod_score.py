import dataclasses

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers.training.ssod import SSOD
from tests.support.scorer_cases import make_case

HEAD = Head(
    np.eye(2, dtype=np.float32), np.zeros(2, np.float32), np.array([1, -2, 0.5], np.float32)
)


def bank(*rows):
    return FeatureBank(np.array(rows, np.float32), np.zeros(len(rows), np.int64))


def test_scores_by_hand():
    train = bank([1, 1], [2, 2])
    scores = SSOD().score(SSOD().fit(train, HEAD), bank([3, 0], [0, 3]))
    np.testing.assert_allclose(scores, -np.log1p(np.exp([-3.5, 5.5])), rtol=1e-12)


def test_the_surest_are_still_told_apart():
    scores = SSOD().score(SSOD().fit(bank([1, 1]), HEAD), bank([100, 0], [200, 0], [-900, 0]))
    assert scores[2] < scores[0] < scores[1] < 0


def test_a_head_without_a_detector_or_with_a_wrong_one_is_refused():
    case = make_case()
    with pytest.raises(InputError, match="none was trained beside the head"):
        SSOD().fit(case.train, dataclasses.replace(case.head, detector=None))
    short = dataclasses.replace(case.head, detector=np.ones(3, np.float32))
    with pytest.raises(InputError, match=r"head\.detector must be \(17,\), not \(3,\)"):
        SSOD().fit(case.train, short)
    broken = dataclasses.replace(case.head, detector=np.full(17, np.nan, np.float32))
    with pytest.raises(Undefined, match="NaN"):
        SSOD().fit(case.train, broken)
