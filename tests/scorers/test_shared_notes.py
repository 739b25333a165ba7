"""A setting that does not fit the data, and data that a score was not made for, are said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.notes import notes_of
from tests.support.scorer_cases import live

D, C = 16, 4
RNG = np.random.default_rng(5)
WEIGHT = (np.eye(C, D) * 4).astype(np.float32)
HEAD = Head(WEIGHT, np.zeros(C, np.float32), np.ones(D + 1, np.float32))


def bank(n: int = 400, negative: bool = False, wrong: int = 0) -> FeatureBank:
    """Return n images of C classes in turn, their features never negative unless so asked for.

    wrong: how many of the first class carry another class's label.
    """
    labels = np.arange(n) % C
    x = RNG.random((n, D)) + 3 * np.eye(C, D)[labels]
    x = (x - 1.0 if negative else x).astype(np.float32)
    logits = x @ HEAD.weight.T + HEAD.bias
    labels[np.flatnonzero(labels == 0)[:wrong]] = 1
    return live(FeatureBank(x, labels.astype(np.int64), logits), HEAD)


def said(name: str, train: FeatureBank, head: Head = HEAD, test: FeatureBank | None = None, **set_):
    scorer = SCORERS[name](**set_)
    state = scorer.fit(train, head)
    return notes_of(scorer, state, bank(20) if test is None else test)


AFTER_RELU = {
    "ash_p", "ash_p@pytorch_ood", "ash_b", "ash_b@openood", "ash_s", "ash_s@pytorch_ood",
    "ash_s_pooled@pytorch_ood", "scale", "scale@pytorch_ood", "scale_pooled@pytorch_ood",
    "lts", "react", "react@moodv2", "react@openood", "react@pytorch_ood",
    "react_pooled@pytorch_ood", "vra", "vra@openood", "vra@pytorch_ood", "vra_pooled@pytorch_ood",
    "adascale_a", "adascale_l",
}  # fmt: skip
"""What shapes activations of which it takes zero to be the least."""


@pytest.mark.parametrize("name", sorted(SCORERS))
def test_negative_features_are_said_of_scores_made_for_those_after_a_relu(name):
    small = {"dim": 4} if name in ("vim@openood", "residual@openood") else {}
    for negative in (False, True):
        notes = said(name, bank(), test=bank(50, negative=negative), **small)
        expected = negative and name in AFTER_RELU
        assert any("features are negative" in note for note in notes) == expected


def unlabelled(whole: FeatureBank, logits: bool) -> FeatureBank:
    return dataclasses.replace(
        whole, labels=np.zeros(0, np.int64), logits=whole.logits if logits else None
    )


@pytest.mark.parametrize("name", ["knn", "knn@openood", "knn@pytorch_ood", "knn_raw"])
def test_a_neighbour_beyond_half_of_a_class(name):
    assert said(name, bank(360), k=45) == ()  # 90 images a class
    assert said(name, bank(360), k=46) == (
        "k=46 is more than half of a class (90 ID train images)",
    )
    assert said(name, bank(360)) == ("k=50 is more than half of a class (90 ID train images)",)
    # By the predicted class where labels are unknown; without logits, of all images.
    (note,) = said(name, unlabelled(bank(360), logits=True), k=46)
    assert "(90 ID train images)" in note
    assert said(name, unlabelled(bank(360), logits=False), k=180) == ()
    (note,) = said(name, unlabelled(bank(360), logits=False), k=181)
    assert "(360 ID train images)" in note


def test_the_median_class_counts_where_sizes_differ():
    whole = bank(360)
    keep = (whole.labels != 0) | (np.arange(360) < 12)  # three images of class 0
    uneven = FeatureBank(whole.features[keep], whole.labels[keep], whole.logits[keep])
    assert said("knn", uneven, k=45) == ()


def test_gradients_of_neighbours_too():
    assert said("grood", bank(360), k=45) == ()
    (note,) = said("grood", bank(360), k=46)
    assert "k=46 is more than half of a class" in note


@pytest.mark.parametrize(
    ("name", "set_", "n", "expected"),
    [
        ("nnguide", {"alpha": 1.0, "k": 5}, 800, None),
        ("nnguide", {"alpha": 0.1, "k": 5}, 800, "80 random guiding images: scores of ID train"),
        ("nnguide", {"alpha": 0.1, "k": 60}, 800, "k=60 is more than half of a class"),
        ("nnguide", {}, 400, "k=100 is more than the 4 guiding images: all count"),
        ("nnguide@openood", {"alpha": 0.01, "k": 1}, 200, "2 of 4 classes have no guiding image"),
        ("nnguide@pytorch_ood", {}, 400, None),
        ("nnguide@pytorch_ood", {"k": 60}, 400, "half of a class (100 guiding images)"),
        ("cfood", {"alpha": 1.0}, 400, None),
        ("cfood", {"alpha": 0.5}, 400, "200 random reference images: scores of ID train"),
        ("cfood", {}, 400, "k=0.01 of 40 reference images is less than one"),
        ("kmeans", {"k": 40}, 400, None),
        ("kmeans", {"k": 41}, 400, "k=41 clusters share 400 images, 9.8 each"),
        ("kmeans@moodv1", {"k": 100}, 400, "k=100 clusters share 400 images, 4 each"),
        ("gmm", {"k": 4}, 400, None),
        ("gmm", {"k": 8}, 40, "k=8 components share 40 images, 5 each"),
        ("gmm", {"k": 1}, 16, "16 images, less k=1 means, are too few for 16 dimensions"),
        ("gmm@pytorch_ood", {}, 68, None),  # 17 a class, 16 dimensions
        ("gmm@pytorch_ood", {}, 64, "4 of 4 classes have too few images (median 16)"),
        ("mahalanobis_per_class", {}, 68, None),
        ("mahalanobis_per_class", {}, 32, "4 of 4 classes have too few images (median 8)"),
        ("ssd", {}, 400, None),
        ("ssd", {"k": 20}, 200, "of 20 clusters left out"),
        ("react", {}, 7, None),  # 112 activations
        ("react", {}, 6, "96 activations are too few for the quantile 0.99"),
        ("react", {"quantile": 1.0}, 4, None),
        ("react@openood", {"quantile": 0.995}, 12, "192 activations are too few"),
        ("react_pooled@pytorch_ood", {"threshold": 3.5}, 400, None),
        ("react_pooled@pytorch_ood", {"threshold": 100}, 400, "threshold=100 clips 0% of the ID"),
        ("react_pooled@pytorch_ood", {"threshold": 0.2}, 400, "threshold=0.2 clips 8"),
        ("vra", {}, 12, None),
        ("vra", {}, 8, "8 images are too few for the quantile 0.9"),
        ("vra_pooled@pytorch_ood", {}, 100, None),
        ("vra_pooled@pytorch_ood", {}, 80, "80 images are too few for the quantile 0.01"),
        ("vra@openood", {}, 8, None),
        ("ash_s", {"percentile": 93.75}, 40, None),
        ("ash_s", {"percentile": 94}, 40, "percentile=94 leaves less than one of 16 activations"),
        ("scale", {"percentile": 99}, 40, "percentile=99 leaves less than one of 16"),
        ("lts", {}, 40, "percentile=95 leaves less than one of 16"),
        ("dice", {"percentile": 50}, 40, None),
        ("dice", {"percentile": 97}, 40, "of 4 classes have no connection left at percentile=97"),
        ("gen", {"M": 4}, 40, None),
        ("gen", {}, 40, "M=100 is more than the 4 classes: all count"),
        ("gen@openood", {"M": 5}, 40, "M=5 is more than the 4 classes: all count"),
        ("gen@pytorch_ood", {}, 40, None),
        ("gen@pytorch_ood", {"M": 5}, 40, "M=5 is more than the 4 classes: all count"),
        ("openmax", {"alpha": 4}, 160, None),
        ("openmax", {"alpha": 5}, 160, "alpha=5 is more than the 4 classes: all count"),
        ("openmax", {"alpha": 4}, 156, "tail=20 is no tail of 4 of 4 classes (median 39 images"),
        ("openmax@pytorch_ood", {"alpha": 4}, 160, "tail=25 is no tail of 4 of 4 classes"),
        ("neco", {"dim": 4}, 17, None),
        ("neco", {"dim": 4}, 16, "principal axes of 16 dimensions from 16 images"),
        ("residual", {}, 12, "principal axes of 16 dimensions from 12 images"),
        ("vim", {}, 12, "principal axes of 16 dimensions from 12 images"),
        ("vim", {}, 400, None),
        ("gram", {}, 100, None),  # 90 of them, 20 and more a class
        ("gram", {}, 40, "the bounds of 4 of 4 classes are of few images"),
        ("nac", {}, 50, None),
        ("nac", {}, 49, "enough=50 is more than the 49 ID train images"),
        ("mahalanobis", {}, 400, None),
    ],
)  # fmt: skip
def test_a_setting_that_does_not_fit_the_data(name, set_, n, expected):
    notes = said(name, bank(n), **set_)
    if expected is None:
        assert notes == ()
    else:
        assert any(expected in note for note in notes), notes


def test_classes_that_there_is_nothing_of():
    whole = bank(400, wrong=100)  # none of class 0 carries its label
    (note,) = said("she", whole)
    assert note == "1 of 4 classes have no train image classified correctly"
    assert "1 of 4 classes have no image to fit a tail to" in said("openmax", whole, alpha=4)
    others = FeatureBank(*(array[whole.logits.argmax(axis=1) != 0] for array in (
        whole.features, whole.labels, whole.logits)))  # fmt: skip
    for name in ("kl_matching", "kl_matching@openood", "kl_matching@pytorch_ood"):
        assert said(name, whole) == ()
        assert said(name, others) == ("1 of 4 classes are predicted of no image learnt from",)


def test_a_validation_set_without_a_mistake_has_no_best_temperature():
    (note,) = said("temperature_msp", bank(80))
    assert note == "all images that T is fitted to are classified right: no T is small enough"
    assert said("temperature_msp", bank(80, wrong=1)) == ()


def test_a_virtual_logit_that_counts_the_wrong_way_round():
    below = Head(WEIGHT, np.full(C, -100, np.float32))
    whole = bank(400)
    low = live(FeatureBank(whole.features, whole.labels, whole.logits - 100), below)
    (note,) = said("vim", low, below)
    assert note == "alpha is negative: a larger residual counts as in-distribution"


def test_a_detector_that_is_wrong_about_most_of_id():
    assert said("ssod", bank()) == ()
    against = Head(HEAD.weight, HEAD.bias, -HEAD.detector)
    (note,) = said("ssod", bank(), against)
    assert note == "the detector takes 100% of the ID train images for OOD"


@pytest.mark.parametrize(("name", "alpha"), [("cfood", 0.3), ("nnguide", 0.2)])
def test_what_a_random_draw_does_to_scores_is_measured(name, alpha):
    train, scores, measured = bank(600), [], []
    for seed in range(24):
        scorer = SCORERS[name](alpha=alpha, seed=seed)
        state = scorer.fit(train, HEAD)
        scores.append(scorer.score(state, train))
        measured.append(float(state["agreement"]))
    between = spearmanr(np.array(scores), axis=1)[0][np.triu_indices(24, 1)]
    assert np.mean(measured) == pytest.approx(between.mean(), abs=0.05)
    assert any(f"of {measured[-1]:.2f} with these" in note for note in scorer.notes(state, train))
