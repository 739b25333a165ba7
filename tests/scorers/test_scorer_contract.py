"""What every scorer of the catalogue keeps, whichever it is."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load, save
from scorer_cases import make_case

from mood_sweeps import scorers
from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers import SCORERS

FAMILIES = {
    "probability": {"msp", "entropy", "kl_matching"},
    "logit": {"max_logit", "energy"},
    "feature": {"residual", "mahalanobis", "knn"},
    "hybrid": {"react", "vim"},
    "gradient": {"gradnorm"},
}
HEADLESS = {"mahalanobis", "knn"}

every_scorer = pytest.mark.parametrize("name", sorted(SCORERS))


def fitted(name, case):
    scorer = SCORERS[name]()
    return scorer, scorer.fit(case.train, case.head if scorer.needs_head else None)


def without_head(bank):
    return FeatureBank(bank.features, bank.labels)


def test_the_catalogue_holds_the_eleven_scorers_by_family():
    assert {
        family: {name for name, kind in SCORERS.items() if kind.family == family}
        for family in FAMILIES
    } == FAMILIES
    assert sum(map(len, FAMILIES.values())) == len(SCORERS)
    assert all(kind.__name__ in scorers.__all__ for kind in SCORERS.values())


@every_scorer
def test_is_a_frozen_dataclass_that_can_be_chosen_by_name(name):
    choice = choose(name, SCORERS, "scorer")
    assert choice.label == name
    assert choice.content == {"name": name, "version": 1}
    assert choice.parameters.needs_head == (name not in HEADLESS)
    assert choice.parameters.uses_seed is False
    for field in dataclasses.fields(choice.parameters):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(choice.parameters, field.name, 0)


@every_scorer
def test_scores_are_finite_float64_one_per_sample(name, case):
    scorer, state = fitted(name, case)
    scores = scorer.score(state, case.test)
    assert scores.dtype == np.float64
    assert scores.shape == (len(case.test),)
    assert np.isfinite(scores).all()


@every_scorer
def test_a_state_read_back_from_bytes_gives_the_same_bits(name, case):
    scorer, state = fitted(name, case)
    assert all(array.flags.c_contiguous for array in state.values())
    read_back = load(save(dict(state)))
    fresh = FeatureBank(case.test.features, case.test.labels, case.test.logits)
    np.testing.assert_array_equal(scorer.score(read_back, fresh), scorer.score(state, case.test))


@every_scorer
def test_scores_do_not_depend_on_what_ran_before(name, case):
    scorer, state = fitted(name, case)
    alone = scorer.score(state, case.test)
    crowded = make_case(seed=0)._replace(
        train=FeatureBank(case.train.features, case.train.labels, case.train.logits),
        test=FeatureBank(case.test.features, case.test.labels, case.test.logits),
        head=case.head,
    )
    for other in SCORERS:
        ran, learnt = fitted(other, crowded)
        ran.score(learnt, crowded.test)
    scorer, state = fitted(name, crowded)
    np.testing.assert_array_equal(scorer.score(state, crowded.test), alone)


@every_scorer
def test_does_not_change_what_it_is_given(name, case):
    def frozen(bank):
        for array in (bank.features, bank.labels, bank.logits):
            array.flags.writeable = False
        return bank

    locked = case._replace(train=frozen(case.train), test=frozen(case.test))
    scorer, state = fitted(name, locked)
    for array in state.values():
        array.flags.writeable = False
    scorer.score(state, locked.test)


@every_scorer
def test_no_samples_give_no_scores(name, case):
    scorer, state = fitted(name, case)
    empty = FeatureBank(case.test.features[:0], case.test.labels[:0], case.test.logits[:0])
    assert scorer.score(state, empty).shape == (0,)


@every_scorer
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_samples_are_undefined_never_a_silent_nan(name, bad, case):
    scorer, state = fitted(name, case)
    features, logits = case.test.features.copy(), case.test.logits.copy()
    features[3, 2] = logits[3, 1] = bad
    with pytest.raises(Undefined, match=r"1 of 200 rows of (features|logits) contain NaN"):
        scorer.score(state, FeatureBank(features, case.test.labels, logits))


@pytest.mark.parametrize("name", ["react", "vim", "residual", "mahalanobis", "kl_matching", "knn"])
def test_learning_from_nothing_or_from_nan_is_undefined(name, case):
    scorer = SCORERS[name]()
    head = case.head if scorer.needs_head else None
    x, y, z = case.train.features, case.train.labels, case.train.logits
    with pytest.raises(Undefined, match="no train"):
        scorer.fit(FeatureBank(x[:0], y[:0], z[:0]), head)
    broken = FeatureBank(np.full_like(x, np.nan), y, np.full_like(z, np.nan))
    with pytest.raises(Undefined, match="NaN"):
        scorer.fit(broken, head)


@pytest.mark.parametrize("name", sorted(set(SCORERS) - HEADLESS))
def test_a_needed_head_that_is_missing_is_named(name, case):
    scorer = SCORERS[name]()
    with pytest.raises(InputError, match=r"has no head|has none"):
        scorer.score(scorer.fit(without_head(case.train), None), without_head(case.test))


@pytest.mark.parametrize("name", sorted(HEADLESS))
def test_a_headless_representation_is_served(name, case):
    scorer, state = fitted(name, case)
    np.testing.assert_array_equal(
        scorer.score(scorer.fit(without_head(case.train), None), without_head(case.test)),
        scorer.score(state, case.test),
    )


@pytest.mark.parametrize("name", ["react", "vim", "residual", "mahalanobis", "knn"])
def test_features_of_another_width_are_refused(name, case):
    scorer, state = fitted(name, case)
    narrow = FeatureBank(case.test.features[:, :9], case.test.labels, case.test.logits)
    with pytest.raises(InputError, match="one representation"):
        scorer.score(state, narrow)


@pytest.mark.parametrize("name", ["react", "vim", "residual"])
def test_a_head_of_another_width_is_refused(name, case):
    other = make_case(d=9)
    with pytest.raises(InputError, match=r"head\.weight must be"):
        SCORERS[name]().fit(case.train, other.head)


def test_planning_does_not_pay_for_heavy_libraries():
    code = (
        "import sys, mood_sweeps.scorers, mood_sweeps.metrics; "
        "print([m for m in ('torch', 'scipy', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
