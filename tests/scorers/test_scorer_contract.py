"""What every scorer of the catalogue keeps, whichever it is: a new one cannot skip it."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load, save

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import auroc
from mood_sweeps.scorers import FAMILIES, FITS_ON, NEEDS, SCORERS, LearnsNothing
from tests.support.scorer_cases import Case, live, make_case, make_separated
from tests.support.scorer_references.compare import references

every_scorer = pytest.mark.parametrize("name", sorted(SCORERS))
LEARNING = sorted(name for name, kind in SCORERS.items() if not issubclass(kind, LearnsNothing))
HEADED = sorted(name for name, kind in SCORERS.items() if {"logits", "head"} & set(kind.needs))
HEADLESS = sorted(set(SCORERS) - set(HEADED))
# OOD images that the head is blind to look the most ID of all to these: their docstrings say so and
# their own tests show it, beside the OOD images that they do find.
MISLED = {"mc_dropout@pytorch_ood"}


@pytest.fixture
def case():
    return make_case()


def fitted(name, case):
    # As it is compared with its reference: a default of 512 dimensions is none for a small case.
    scorer = SCORERS[name](**references()[name].parameters)
    return scorer, scorer.fit(case.train, case.head if "head" in scorer.needs else None)


def bank_like(bank, rows=slice(None), head=None, **changed):
    arrays = {"features": bank.features, "labels": bank.labels, "logits": bank.logits}
    whole = {name: array if array is None else array[rows] for name, array in arrays.items()}
    return live(FeatureBank(**{**whole, **changed}), head or bank.network.head)


def without_head(bank):
    return live(FeatureBank(bank.features, bank.labels), None)


@every_scorer
def test_is_a_frozen_dataclass_that_can_be_chosen_by_name(name):
    choice = choose(name, SCORERS, "scorer")
    assert choice.label == name
    kind = type(choice.parameters)
    assert choice.content == {"name": name, "version": kind.version}
    assert type(kind.version) is int
    assert kind.version >= 1
    assert kind.family in FAMILIES
    assert kind.fits_on in FITS_ON
    assert isinstance(kind.needs, tuple)
    assert set(kind.needs) <= set(NEEDS)
    assert kind.__doc__.startswith(("s = ", "As ")), "the first line is the formula"
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


@pytest.mark.parametrize("name", sorted(set(SCORERS) - MISLED))
def test_far_ood_scores_lower_than_id(name):
    case = make_separated()
    scorer, state = fitted(name, case)
    assert auroc(scorer.score(state, case.id_test), scorer.score(state, case.ood)) > 0.95


@every_scorer
def test_a_state_read_back_from_bytes_gives_the_same_bits(name, case):
    scorer, state = fitted(name, case)
    assert all(array.flags.c_contiguous for array in state.values())
    read_back = load(save(dict(state)))
    np.testing.assert_array_equal(
        scorer.score(read_back, bank_like(case.test)), scorer.score(state, case.test)
    )


@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_scores_do_not_depend_on_what_ran_before(case, order):
    """All scorers share one pair of banks, as in a scoring call, each after all those before it."""
    crowded = case._replace(train=bank_like(case.train), test=bank_like(case.test))
    moved = []
    for name in sorted(SCORERS, reverse=order == "backwards"):
        fresh = case._replace(train=bank_like(case.train), test=bank_like(case.test))
        scorer, state = fitted(name, fresh)
        alone = scorer.score(state, fresh.test)
        scorer, state = fitted(name, crowded)
        if not np.array_equal(scorer.score(state, crowded.test), alone):
            moved.append(name)
    assert not moved


@every_scorer
def test_scores_do_not_depend_on_batches_or_order(name, case):
    scorer, state = fitted(name, case)
    whole = scorer.score(state, case.test)
    near = {"rtol": 1e-6, "atol": 1e-6 * np.abs(whole).max()}
    batches = (slice(0, 7), slice(7, None))
    parts = [scorer.score(state, bank_like(case.test, rows)) for rows in batches]
    np.testing.assert_allclose(np.concatenate(parts), whole, **near)
    order = np.random.default_rng(0).permutation(len(case.test))
    shuffled = scorer.score(state, bank_like(case.test, order))
    np.testing.assert_allclose(shuffled, whole[order], **near)


@every_scorer
def test_wider_numbers_of_the_same_value_give_the_same_scores(name, case):
    def wide(bank):
        return bank_like(
            bank,
            features=bank.features.astype(np.float64),
            logits=bank.logits.astype(np.float64),
        )

    scorer, state = fitted(name, case)
    narrow = scorer.score(state, case.test)
    scorer, state = fitted(name, case._replace(train=wide(case.train)))
    np.testing.assert_allclose(
        scorer.score(state, wide(case.test)), narrow, rtol=1e-5, atol=1e-5 * np.abs(narrow).max()
    )


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
    assert scorer.score(state, bank_like(case.test, slice(0))).shape == (0,)


@every_scorer
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_samples_are_undefined_never_a_silent_nan(name, bad, case):
    scorer, state = fitted(name, case)
    features, logits = case.test.features.copy(), case.test.logits.copy()
    features[3, 2] = logits[3, 1] = bad
    with pytest.raises(Undefined, match=r"1 of 200 rows of (features|logits) contain NaN"):
        scorer.score(state, bank_like(case.test, features=features, logits=logits))


@pytest.mark.parametrize("name", LEARNING)
def test_learning_from_nothing_or_from_nan_is_undefined(name, case):
    scorer = SCORERS[name]()
    head = case.head if "head" in scorer.needs else None
    with pytest.raises(Undefined, match="no train"):
        scorer.fit(bank_like(case.train, slice(0)), head)
    nan = np.full_like(case.train.features, np.nan), np.full_like(case.train.logits, np.nan)
    with pytest.raises(Undefined, match="NaN"):
        scorer.fit(bank_like(case.train, features=nan[0], logits=nan[1]), head)


@pytest.mark.parametrize("name", HEADED)
def test_a_needed_head_that_is_missing_is_named(name, case):
    scorer = SCORERS[name]()
    with pytest.raises(InputError, match=r"has no head|has none"):
        scorer.score(scorer.fit(without_head(case.train), None), without_head(case.test))


@pytest.mark.parametrize("name", HEADLESS)
def test_a_headless_representation_is_served(name, case):
    scorer, state = fitted(name, case)
    np.testing.assert_array_equal(
        scorer.score(scorer.fit(without_head(case.train), None), without_head(case.test)),
        scorer.score(state, case.test),
    )


@every_scorer
def test_labels_are_needed_exactly_where_it_says_so(name, case):
    scorer, state = fitted(name, case)
    head = case.head if "head" in scorer.needs else None
    unlabelled = bank_like(case.train, labels=np.zeros(0, np.int64))
    if "labels" in scorer.needs:
        with pytest.raises(InputError, match="labels"):
            scorer.fit(unlabelled, head)
    else:
        np.testing.assert_allclose(
            scorer.score(scorer.fit(unlabelled, head), case.test),
            scorer.score(state, case.test),
            rtol=1e-6,
        )


@pytest.mark.parametrize("name", LEARNING)
def test_a_bank_of_another_representation_is_refused(name, case):
    scorer, state = fitted(name, case)
    narrow = bank_like(
        case.test, features=case.test.features[:, :9], logits=case.test.logits[:, :3]
    )
    with pytest.raises(InputError, match="one representation"):
        scorer.score(state, narrow)


@pytest.mark.parametrize("name", sorted(n for n in LEARNING if "head" in SCORERS[n].needs))
def test_a_head_of_another_width_is_refused(name, case):
    other = make_case(d=9)
    with pytest.raises(InputError, match=r"head\.weight must be"):
        SCORERS[name]().fit(case.train, other.head)


@functools.cache
def odd_cases() -> dict[str, Case]:
    """Cases at the edge of what a scorer can be asked."""
    plain = make_case()
    rng = np.random.default_rng(9)

    def with_head(train: FeatureBank, test: FeatureBank, head: Head) -> Case:
        def logits(bank: FeatureBank) -> FeatureBank:
            logits = bank.features @ head.weight.T + head.bias
            return bank_like(bank, head=head, logits=logits)

        return Case(logits(train), logits(test), head)

    def widened(value: float) -> Case:
        def wide(bank: FeatureBank) -> FeatureBank:
            extra = np.full((len(bank), 3), value, np.float32)
            return bank_like(bank, features=np.hstack([bank.features, extra]))

        weight = rng.normal(size=(5, 19)).astype(np.float32)
        head = Head(weight, plain.head.bias, np.ones(20, np.float32))
        return with_head(wide(plain.train), wide(plain.test), head)

    present = plain.train.labels != 2
    one = make_case(c=1)
    return {
        "a class without samples": plain._replace(train=bank_like(plain.train, present)),
        "one class": one,
        "fewer dimensions than classes": make_case(d=3, c=9),
        "two dimensions": make_case(d=2, c=2),
        "directions that never vary": widened(0.0),
        "a large constant direction": widened(100.0),
        "fewer samples than dimensions": make_case(n=24, d=64, c=4),
        "one sample a class": plain._replace(train=bank_like(plain.train, slice(5))),
        "the same sample over and over": plain._replace(
            train=bank_like(plain.train, np.zeros(60, int))
        ),
        "features that are all zero": with_head(
            bank_like(plain.train, features=np.zeros_like(plain.train.features)),
            bank_like(plain.test, features=np.zeros_like(plain.test.features)),
            plain.head,
        ),
        "tiny numbers": with_head(
            bank_like(plain.train, features=plain.train.features * np.float32(1e-20)),
            bank_like(plain.test, features=plain.test.features * np.float32(1e-20)),
            plain.head,
        ),
        "huge numbers": with_head(
            bank_like(plain.train, features=plain.train.features * np.float32(1e15)),
            bank_like(plain.test, features=plain.test.features * np.float32(1e15)),
            plain.head,
        ),
    }


@pytest.mark.parametrize("odd", sorted(odd_cases()))
@every_scorer
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_odd_data_gives_a_defined_result_or_a_clear_refusal(name, odd):
    case = odd_cases()[odd]
    try:
        scorer, state = fitted(name, case)
        scores = scorer.score(state, case.test)
    except Undefined:
        return
    assert np.isfinite(scores).all()


def test_planning_does_not_pay_for_heavy_libraries():
    code = (
        "import sys, mood_sweeps.scorers, mood_sweeps.metrics; "
        "print([m for m in ('torch', 'scipy', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
