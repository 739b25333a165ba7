from __future__ import annotations

import numpy as np
from pytorch_ood.detector import KLMatching as PytorchOodKLMatching
from scipy.special import softmax
from scipy.stats import entropy, spearmanr
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.probability.kl_matching import (
    KLMatching,
    KLMatchingOpenOOD,
    KLMatchingPytorchOOD,
)


def score(train, test, kind=KLMatching):
    return kind().score(kind().fit(train, None), test)


def bank_of(logits):
    return FeatureBank(np.ones((len(logits), 1)), np.zeros(len(logits), int), np.asarray(logits))


def test_is_the_least_divergence_from_a_mean_posterior(case):
    p_train = softmax(case.train.logits.astype(np.float64), axis=1)
    p_test = softmax(case.test.logits.astype(np.float64), axis=1)
    predicted = p_train.argmax(axis=1)
    posteriors = [p_train[predicted == c].mean(axis=0) for c in np.unique(predicted)]
    reference = [-min(entropy(p, d) for d in posteriors) for p in p_test]
    np.testing.assert_allclose(score(case.train, case.test), reference, rtol=1e-8, atol=1e-12)


def test_ranks_as_pytorch_ood_reversed(case):
    detector = PytorchOodKLMatching(None)
    detector.fit_logits(from_numpy(case.train.logits).double(), from_numpy(case.train.labels))
    theirs = -detector.predict_logits(from_numpy(case.test.logits).double()).detach().numpy()
    assert spearmanr(score(case.train, case.test), theirs).statistic > 0.99999


def test_by_hand():
    # One predicted class with the mean posterior (3/4, 1/4); KL of (1/2, 1/2) from it.
    train = bank_of(np.log([[3.0, 1.0], [3.0, 1.0]]))
    expected = -(0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25))
    np.testing.assert_allclose(score(train, bank_of([[0.0, 0.0]])), [expected])


def test_a_class_that_is_never_predicted_is_never_the_nearest():
    state = KLMatching().fit(bank_of([[2.0, 0.0, 1.0], [3.0, 0.0, 1.0]]), None)
    assert state["log_posteriors"].shape == (1, 3)


def test_probabilities_that_round_to_zero_give_finite_divergences():
    train = bank_of([[2e3, 0.0], [0.0, 2e3]])
    np.testing.assert_allclose(score(train, bank_of([[0.0, 0.0]])), [-1e3], rtol=1e-2)


def test_openood_gives_a_class_that_is_never_predicted_a_prediction_without_doubt():
    train = bank_of([[2.0, 0.0, 1.0], [3.0, 0.0, 1.0]])
    no_doubt, in_doubt = [0.0, 0.0, 2e3], [0.0, 0.0, 30.0]
    test = bank_of([no_doubt, in_doubt])
    plain = score(train, test)
    scores = score(train, test, KLMatchingOpenOOD)
    assert plain[0] < -1
    assert scores[0] == 0
    np.testing.assert_allclose(scores[1], plain[1], rtol=1e-12)


def test_where_every_class_is_predicted_the_conventions_agree(case):
    assert len(np.unique(case.train.logits.argmax(axis=1))) == 5
    np.testing.assert_allclose(
        score(case.train, case.test, KLMatchingOpenOOD), score(case.train, case.test), rtol=1e-12
    )


def test_which_split_the_conventions_learn_from():
    assert KLMatching.fits_on == "id_train"
    assert KLMatchingOpenOOD.fits_on == KLMatchingPytorchOOD.fits_on == "id_val"
