"""What every scorer's numbers say of themselves: ties, "logits" that are probabilities."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load, save
from scipy.special import log_softmax, softmax
from scipy.stats import spearmanr

from mood_sweeps.bank import FeatureBank
from mood_sweeps.note import joined
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.notes import logit_notes, notes_of, tie_notes
from mood_sweeps.scorers.numeric.rank_correlation import rank_correlation
from tests.support.scorer_cases import make_case, make_separated
from tests.support.scorer_references.compare import references

KEPT_FOR_NOTES = {"agreement", "class_size", "clipped", "count", "counts", "rejected", "right"}
every_scorer = pytest.mark.parametrize("name", sorted(SCORERS))


@every_scorer
def test_a_stored_state_says_the_same(name):
    case = make_case()
    scorer = SCORERS[name](**references()[name].parameters)
    state = scorer.fit(case.train, case.head)
    notes = notes_of(scorer, state, case.test)
    assert notes_of(scorer, load(save(dict(state))), case.test) == notes
    assert all(note.isprintable() and "; " not in note and len(note) < 200 for note in notes)


@every_scorer
def test_a_state_that_was_stored_before_there_were_notes_is_scored_as_ever(name):
    case = make_case()
    scorer = SCORERS[name](**references()[name].parameters)
    state = dict(scorer.fit(case.train, case.head))
    scores = scorer.score(state, case.test)
    for later in KEPT_FOR_NOTES - ({"count"} if name == "pnml" else set()):  # it scores by it
        state.pop(later, None)
    np.testing.assert_array_equal(scorer.score(state, case.test), scores)
    notes_of(scorer, state, case.test)


def test_nothing_is_said_where_settings_suit_the_data():
    case, said = make_separated(), {}
    for name in sorted(SCORERS):
        scorer = SCORERS[name](**references()[name].parameters)
        state = scorer.fit(case.train, case.head)
        for bank in (case.id_test, case.ood):
            for note in notes_of(scorer, state, bank):
                said.setdefault(note.partition(" ")[0], set()).add(name)
    # 64 dimensions, 8 classes all told apart, dropout that nothing was trained with, and a draw
    # of references where neighbours are all alike.
    assert said == {
        "top_shift=1": {"adascale_a", "adascale_l"},
        "alpha=10": {"openmax", "openmax@pytorch_ood"},
        "all": {name for name in SCORERS if name.startswith("temperature_msp")},
        "30": {"mc_dropout", "mc_dropout@pytorch_ood"},
        "5": {"mc_dropout@openood"},
        "320": {"cfood"},
    }


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([1.0] * 2 + list(range(2, 200)), ()),  # 2 of 200 are 1%, not more
        ([1.0] * 3 + list(range(2, 199)), ("1.5% of the OOD scores are tied at one value",)),
        ([0.5] * 30, ("100% of the OOD scores are tied at one value",)),
        ([0.5], ()),
        ([], ()),
        ([0.0, -0.0, 1.0], ("67% of the OOD scores are tied at one value",)),
    ],
)
def test_more_than_one_per_cent_at_one_value_is_said(scores, said):
    assert tie_notes({"OOD": np.array(scores, dtype=np.float64)}) == said


def with_logits(logits):
    return FeatureBank(np.ones((len(logits), 3), np.float32), np.zeros(0, np.int64), logits)


LOGITS = np.random.default_rng(0).normal(scale=4, size=(3000, 12)).astype(np.float32)


@pytest.mark.parametrize(
    ("logits", "kind"),
    [
        (LOGITS, None),
        (np.abs(LOGITS), None),
        (softmax(LOGITS, axis=1), "probabilities"),
        (softmax(LOGITS, axis=1).astype(np.float16).astype(np.float32), "probabilities"),
        (100 * softmax(LOGITS, axis=1), "probabilities"),
        (np.eye(12, dtype=np.float32)[LOGITS.argmax(axis=1)], "probabilities"),
        (1 / (1 + np.exp(-LOGITS)), None),  # of each class by itself: the sums differ
        (log_softmax(LOGITS, axis=1), "log-probabilities"),
        (LOGITS - LOGITS.max(axis=1, keepdims=True), None),
        (np.ones((5, 1), np.float32), None),  # one class
        (np.zeros((5, 3), np.float32), None),
        (np.full((5, 4), 0.25, np.float32), None),  # all rows are equal
        (np.full((5, 4), -np.log(4), np.float32), None),
        (7 * softmax(LOGITS, axis=1), None),  # a common sum that is neither 1 nor 100
        (10 * np.eye(12, dtype=np.float32)[LOGITS.argmax(axis=1)], None),
        (0.5 * softmax(LOGITS, axis=1), None),
        (LOGITS[:0], None),
    ],
)
def test_probabilities_in_place_of_logits_are_noticed(logits, kind):
    plain, other = with_logits(LOGITS), with_logits(logits)
    notes = logit_notes(SCORERS["energy"](), plain, {"ID test": plain, "OOD": other})
    assert [note.partition(" (")[0] for note in notes] == (
        [f"the logits of OOD are {kind}"] if kind else []
    )
    assert not logit_notes(SCORERS["mahalanobis"](), plain, {"ID test": other, "OOD": other})


def test_one_row_that_is_no_probability_makes_them_logits():
    logits = softmax(LOGITS, axis=1)
    logits[2900] *= 1.2
    assert not logit_notes(SCORERS["msp"](), with_logits(LOGITS), {"OOD": with_logits(logits)})


def test_what_was_learnt_from_is_named_for_scorers_that_learn():
    bank = with_logits(softmax(LOGITS, axis=1))
    (said,) = logit_notes(SCORERS["openmax"](), bank, {"ID test": bank, "OOD": bank})
    assert said.startswith("the logits of ID test, OOD and the set it learnt from are")
    (said,) = logit_notes(SCORERS["msp"](), bank, {"ID test": bank, "OOD": bank})
    assert said.startswith("the logits of ID test and OOD are")


def test_notes_are_joined_once_each_in_order_and_not_without_end():
    assert joined(None, "", "b; a", "a", None, "c") == "b; a; c"
    assert joined(None, "") is None
    many = joined(*map(str, range(1000)))
    assert many is not None
    assert many.endswith("; 988 more")


@dataclasses.dataclass(frozen=True)
class Says:
    said: object = ()

    def notes(self, state, bank):
        del state, bank
        return self.said


@pytest.mark.parametrize("said", [None, "a text", (1, 2), {"a": 1}])
def test_notes_that_are_no_texts_are_refused(said):
    with pytest.raises(TypeError, match=r"notes\(\) must return a tuple of texts"):
        notes_of(Says(said), {}, with_logits(LOGITS))


def test_a_users_note_is_one_short_line():
    assert notes_of(Says(("a\nb",)), {}, with_logits(LOGITS)) == ("a b",)
    (long,) = notes_of(Says(("x" * 5000,)), {}, with_logits(LOGITS))
    assert len(long) == 200
    assert notes_of(object(), {}, with_logits(LOGITS)) == ()
    said = notes_of(Says(("a;\nb;; c;", "\ud800 \0")), {}, with_logits(LOGITS))
    assert said == ("a, b;, c;", "\\ud800 \\0")
    assert joined(*said) == "; ".join(said)


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    left = rng.normal(size=500)
    for right in (left + rng.normal(size=500), np.round(left), -left):
        assert rank_correlation(left, right) == pytest.approx(spearmanr(left, right)[0], abs=1e-12)
    assert np.isnan(rank_correlation(left, np.ones(500)))
    assert np.isnan(rank_correlation(left, np.where(left > 2, np.nan, left)))
