from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.logit.openmax import OpenMax, OpenMaxOpenOOD, OpenMaxPytorchOOD

VARIANTS = [OpenMax, OpenMaxOpenOOD, OpenMaxPytorchOOD]


def bank_of(logits, labels=()):
    labels = np.asarray(labels, dtype=np.int64)
    return FeatureBank(np.ones((len(logits), 1)), labels, np.asarray(logits, dtype=np.float64))


def clusters(n=90, classes=3, size=8.0):
    """Correctly classified logits around ``size`` times each unit vector."""
    labels = np.arange(n) % classes
    noise = np.random.default_rng(0).normal(scale=0.3, size=(n, classes))
    return bank_of(size * np.eye(classes)[labels] + noise, labels)


def score(train, logits, kind=OpenMax, **parameters):
    scorer = kind(**parameters)
    return scorer.score(scorer.fit(train, None), bank_of(logits))


@pytest.mark.parametrize("kind", VARIANTS)
def test_far_from_every_centre_by_hand(kind):
    # Too far from all: the two largest logits give the shares 2/2 and 1/2 to the unknown.
    z = np.array([100.0, 99.0, -50.0])
    expected = -softmax([100 + 99 / 2, 0, 99 / 2, -50])[0]
    np.testing.assert_allclose(score(clusters(), [z], kind, alpha=2), [expected], rtol=1e-12)


def test_at_a_centre_hardly_anything_goes_to_the_unknown():
    train = clusters()
    centre = train.logits[train.labels == 0].mean(axis=0)
    expected = -softmax([0, *centre])[0]
    np.testing.assert_allclose(score(train, [centre], alpha=1), [expected], rtol=0.1)


def test_the_share_follows_the_rank():
    z = np.array([[50.0, 40.0, 30.0]])
    for alpha, unknown in [(1, 50), (2, 50 + 20), (3, 50 + 40 * 2 / 3 + 10)]:
        left = [z[0, i] * (1 - max(0, alpha - i) / alpha) for i in range(3)]
        expected = -softmax([unknown, *left])[0]
        np.testing.assert_allclose(score(clusters(), z, alpha=alpha), [expected], rtol=1e-12)


def test_an_alpha_above_the_number_of_classes_is_that_number(case):
    np.testing.assert_array_equal(
        score(case.train, case.test.logits, alpha=5), score(case.train, case.test.logits, alpha=99)
    )


@pytest.mark.parametrize("kind", VARIANTS)
def test_nothing_is_near_to_a_class_without_samples(kind):
    train = clusters()
    rows = train.labels != 2
    seen = bank_of(train.logits[rows], train.labels[rows])
    z = [0.0, 0.0, 8.0]
    np.testing.assert_allclose(score(seen, [z], kind, alpha=1), [-softmax([8, 0, 0, 0])[0]])


def test_wrongly_classified_samples_tell_nothing_of_their_class():
    train = clusters()
    wrong = bank_of([[0.0, 9.0, 0.0]] * 30, [0] * 30)
    both = bank_of(
        np.concatenate([train.logits, wrong.logits]), np.concatenate([train.labels, wrong.labels])
    )
    z = [[6.0, 1.0, 0.0]]
    np.testing.assert_array_equal(score(both, z), score(train, z))
    assert score(both, z, OpenMaxPytorchOOD) != score(train, z, OpenMaxPytorchOOD)


def test_without_a_correct_prediction_it_is_undefined():
    train = bank_of([[1.0, 0.0], [0.0, 1.0]], [1, 0])
    with pytest.raises(Undefined, match="correctly"):
        OpenMax().fit(train, None)
    assert np.isfinite(score(train, [[1.0, 0.0]], OpenMaxPytorchOOD)).all()


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_class_of_identical_samples_is_a_point(kind):
    train = bank_of([[5.0, 0.0]] * 30 + [[0.0, 5.0]] * 30, [0] * 30 + [1] * 30)
    outside = score(train, [[5.1, 0.0]], kind, alpha=1)
    np.testing.assert_allclose(outside, [-softmax([5.1, 0, 0])[0]], rtol=1e-12)
    inside = score(train, [[5.0, 0.0]], kind, alpha=1)
    assert inside > outside


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("kind", VARIANTS)
def test_logits_that_overflow_an_exponential(kind):
    scores = score(clusters(size=2e3), [[2e3, 0.0, 0.0], [1e5, 9e4, 0.0]], kind)
    assert np.isfinite(scores).all()
    assert scores[0] > scores[1]


@pytest.mark.parametrize("kind", VARIANTS)
def test_labels_of_other_classes_are_refused(kind):
    with pytest.raises(InputError, match=r"labels 0\.\.1"):
        kind().fit(bank_of([[1.0, 0.0], [0.0, 1.0]], [0, 2]), None)


@pytest.mark.parametrize("wrong", [{"tail": 1}, {"alpha": 0}])
def test_parameters_that_fit_nothing_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        choose({"openmax": wrong}, SCORERS, "scorer")
