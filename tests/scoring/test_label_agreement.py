"""Labels that are not in the order of the head's classes cost accuracy, and are said to."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import mood_sweeps as ms
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.score_sets import score

C, D = 6, 12
ORDER = np.array([3, 0, 1, 2, 5, 4])


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(C, D)) * 2

    def drawn(n):
        labels = rng.integers(0, C, n)
        return {
            "features": (centres[labels] + rng.normal(size=(n, D))).astype("f4"),
            "labels": labels,
        }

    head = (centres.astype("f4"), (-(centres**2).sum(axis=1) / 2).astype("f4"))
    ood = {"near": {"features": rng.normal(size=(150, D)).astype("f4")}}
    return drawn(400), drawn(200), ood, head


def frame_of(sets, scorers="she,knn(k=5)", **changed):
    train, test, ood, head = sets
    given = {"head": head} | changed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ms.score_features(train, test, ood, scorers=scorers, **given)


def test_labels_that_agree_are_not_warned_about(sets):
    train, test, ood, head = sets
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = ms.score_features(train, test, ood, head=head, scorers="she")
    assert frame.attrs["warnings"] == []
    logits = test["features"] @ head[0].T + head[1]
    expected = np.mean(logits.argmax(axis=1) == test["labels"])
    assert frame.attrs["id_accuracy"]["id_test"] == pytest.approx(expected)
    assert frame[["reason", "note"]].isna().all(axis=None)


@pytest.mark.parametrize("which", ["train", "test", "both"])
def test_labels_in_another_order_are_named(sets, which):
    train, test, ood, head = sets
    turned = [
        {**one, "labels": np.argsort(ORDER)[one["labels"]]} if which in (name, "both") else one
        for name, one in (("train", train), ("test", test))
    ]
    frame = frame_of((*turned, ood, head))
    said = frame.attrs["warnings"]
    assert len(said) == (2 if which == "both" else 1)
    assert all("label 0 as 3, 1 as 0, 2 as 1, 3 as 2, 4 as 5, 5 as 4" in one for one in said)
    by_scorer = frame.set_index("scorer")["note"]
    assert said[0] in by_scorer["she"]
    # ID accuracy, OSCR and CCR rest on the labels of ID test, whatever the scorer uses.
    assert (said[-1] in str(by_scorer["knn(k=5)"])) == (which != "train")
    assert (said[0] in str(by_scorer["knn(k=5)"])) == (which == "test")
    with pytest.warns(UserWarning, match="in another order"):
        ms.score_features(*turned, ood, head=head, scorers="she")


def test_two_classes_that_are_exchanged_are_named(sets):
    train, test, ood, head = sets
    exchange = np.array([0, 1, 2, 3, 5, 4])
    frame = frame_of((train, {**test, "labels": exchange[test["labels"]]}, ood, head))
    assert "another order: label 4 as 5, 5 as 4" in frame.attrs["warnings"][0]


def test_without_a_head_the_labels_of_train_and_test_are_compared(sets):
    train, test, ood, _ = sets
    turned = {**test, "labels": np.argsort(ORDER)[test["labels"]]}
    frame = frame_of((train, turned, ood, None), scorers="knn(k=5)")
    assert "ID test and the nearest class mean of ID train disagree" in frame.attrs["warnings"][0]
    assert frame_of((train, test, ood, None), scorers="knn(k=5)").attrs["warnings"] == []


def test_shuffled_labels_are_no_better_than_chance_and_in_no_order(sets):
    train, test, ood, head = sets
    shuffled = {**train, "labels": np.random.default_rng(1).permutation(train["labels"])}
    (said,) = frame_of((shuffled, test, ood, head), scorers="msp").attrs["warnings"]
    assert "no better than chance" in said


def test_logits_whose_columns_are_in_another_order_are_refused_by_name(sets):
    train, test, ood, head = sets
    logits = (test["features"] @ head[0].T + head[1])[:, ORDER]
    with pytest.raises(InputError, match=r"in another order \(column 0 is class 3"):
        score(train, {**test, "logits": logits}, ood, head=head, scorers="msp")


@pytest.mark.parametrize("which", ["train", "test"])
def test_labels_of_one_class_under_a_head_of_many_are_warned_about(sets, which):
    train, test, ood, head = sets
    one = train if which == "train" else test
    logits = one["features"] @ head[0].T + head[1]
    wrong = np.mean(logits.argmax(axis=1) != 2)
    one["labels"] = np.full(len(one["features"]), 2)
    said = frame_of((train, test, ood, head), scorers="msp").attrs["warnings"]
    assert f"labels are 2, and {wrong:.1%} of the predictions are other classes" in said[0]


def test_images_of_one_class_that_are_predicted_as_it_are_not_warned_about(sets):
    train, test, ood, head = sets
    chosen = test["labels"] == 2
    of_one = {name: values[chosen] for name, values in test.items()}
    assert frame_of((train, of_one, ood, head), scorers="msp").attrs["warnings"] == []
