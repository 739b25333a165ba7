from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from mood_sweeps.bank import FeatureBank
from mood_sweeps.metrics import auroc
from mood_sweeps.scorers.probability.msp import MSP
from mood_sweeps.scorers.training.mc_dropout import MCDropout, MCDropoutOpenOOD, MCDropoutPytorchOOD
from tests.support.scorer_cases import make_separated

KINDS = [MCDropout, MCDropoutOpenOOD, MCDropoutPytorchOOD]


def score(scorer, train, head, test):
    return scorer.score(scorer.fit(train, head), test)


def test_by_hand():
    # Two passes over one feature, one with it (doubled) and one without: p = (0.8, 0.2), (½, ½).
    state = {
        "weight": np.array([[1.0], [0.0]]),
        "bias": np.zeros(2),
        "masks": np.array([[True], [False]]),
    }
    bank = FeatureBank(np.array([[np.log(4.0) / 2]]), np.zeros(1, int))
    expected = [0.65, 2 / 3, -0.045]
    found = [kind(p=0.5, passes=2).score(state, bank)[0] for kind in KINDS]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("kind", [MCDropout, MCDropoutOpenOOD])
def test_without_dropout_it_is_the_confidence(kind, case):
    found = score(kind(p=0.0), case.train, case.head, case.test)
    np.testing.assert_allclose(found, MSP().score({}, case.test), rtol=1e-6)


def test_without_dropout_nothing_varies(case):
    found = score(MCDropoutPytorchOOD(p=0.0), case.train, case.head, case.test)
    np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_are_the_same_for_every_sample_and_drawn_by_the_seed(kind, case):
    x = np.repeat(case.test.features[:1], 9000, axis=0)
    same = FeatureBank(x, np.zeros(len(x), int))
    found = score(kind(), case.train, case.head, same)
    np.testing.assert_allclose(found, found[0], rtol=1e-6)
    assert score(kind(seed=1), case.train, case.head, same)[0] != pytest.approx(found[0], rel=1e-6)


def test_a_share_p_is_left_out(case):
    masks = MCDropout(p=0.2, passes=2000).fit(case.train, case.head)["masks"]
    assert masks.shape == (2000, 16)
    assert masks.mean() == pytest.approx(0.8, abs=0.01)


def test_variance_finds_ood_between_classes_and_is_misled_by_ood_the_head_is_blind_to():
    case = make_separated()
    scorer = MCDropoutPytorchOOD()
    state = scorer.fit(case.train, case.head)
    id_scores = scorer.score(state, case.id_test)
    between = (case.id_test.features[:800] + case.id_test.features[800:]) / 2
    other = case.id_test.labels[:800] != case.id_test.labels[800:]
    mixed = FeatureBank(between[other], np.zeros(other.sum(), int))
    assert auroc(id_scores, scorer.score(state, mixed)) > 0.95
    assert auroc(id_scores, scorer.score(state, case.ood)) < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_the_note_tells_how_far_another_seed_orders_images_otherwise(kind, case):
    states = [kind(seed=seed).fit(case.train, case.head) for seed in range(24)]
    scores = [kind().score(state, case.train) for state in states]
    seeds = np.corrcoef([np.argsort(np.argsort(one)) for one in scores])
    between = seeds[np.triu_indices(24, 1)]
    assert spearmanr(scores[0], scores[1])[0] == pytest.approx(seeds[0, 1], abs=1e-6)
    measured = [float(state["agreement"]) for state in states]
    assert np.mean(measured) == pytest.approx(between.mean(), abs=0.05)
    (note,) = kind().notes(states[0], case.test)
    assert note.startswith(f"{kind().passes} random passes: ")
    assert f"a rank correlation of {measured[0]:.2f} with" in note


def test_more_passes_agree_more_and_no_dropout_has_no_noise(case):
    def agreement(**parameters):
        return float(MCDropout(**parameters).fit(case.train, case.head)["agreement"])

    assert agreement(passes=10) < agreement(passes=100) < agreement(passes=3000)
    still = MCDropout(p=0.0)
    assert still.notes(still.fit(case.train, case.head), case.test) == ()
    nothing = MCDropoutPytorchOOD(p=0.0)
    assert nothing.notes(nothing.fit(case.train, case.head), case.test) == ()
