"""The linear probe against scikit-learn itself, on features made by hand and on real ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import Choice, choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import StageFailed
from mood_sweeps.methods import PRETEXTS, choose_finetune
from mood_sweeps.methods.finetunes.probe.declaration import Probe
from mood_sweeps.methods.finetunes.probe.fit import fit_head
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.extract_features import extract

DIGITS = image_set("digits:0-5")
TRAIN, VALIDATION = DIGITS.open("train"), DIGITS.open("val")
(PROBE,) = choose_finetune("pt+probe")


def blobs(classes: int, rows: int = 300, width: int = 5) -> FeatureBank:
    """Overlapping classes with features of very different scales; the last one is constant."""
    draw = np.random.default_rng(classes)
    labels = np.arange(rows) % classes
    centres = draw.normal(size=(classes, width))
    features = centres[labels] + draw.normal(size=(rows, width))
    features = 7.0 + features * np.array([1e-3, 0.1, 1.0, 30.0, 0.0])[:width]
    return FeatureBank(features.astype(np.float32), labels)


def names(bank: FeatureBank) -> tuple[str, ...]:
    return tuple(map(str, np.unique(bank.labels)))


def softmax(bank: FeatureBank, head: Head) -> np.ndarray:
    logits = bank.features.astype(np.float64) @ head.weight.T + head.bias
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("c", [0.01, 1.0])
def test_the_head_on_raw_features_is_scikit_learns_pipeline(classes: int, c: float) -> None:
    bank = blobs(classes)
    head, summary = fit_head(Probe(c=c), bank, names(bank))
    assert head.weight.shape == (classes, 5)
    assert head.bias.shape == (classes,)
    assert head.weight.dtype == head.bias.dtype == np.float32
    peer = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000))
    peer.fit(bank.features.astype(np.float64), bank.labels)
    expected = peer.predict_proba(bank.features.astype(np.float64))
    # 7 ± 0.001 is a feature of which float32 keeps three digits.
    np.testing.assert_allclose(softmax(bank, head), expected, atol=2e-3)
    of_their_class = expected[np.arange(len(bank.labels)), bank.labels]
    assert summary["loss"] == pytest.approx(-np.log(of_their_class).mean(), rel=1e-6)


def test_two_separable_points_by_hand() -> None:
    """Standardised they are ±1; the penalised optimum w = w₁ − w₀ solves w = 2c·σ(−w)."""
    bank = FeatureBank(np.array([[2.0], [6.0]], np.float32), np.array([0, 1]))
    head, _ = fit_head(Probe(c=1.0), bank, ("a", "b"))
    difference = (head.weight[1] - head.weight[0]).item() * 2  # a standard deviation is 2
    assert difference == pytest.approx(2 / (1 + np.exp(difference)), abs=1e-3)
    middle = head.weight[:, 0] * 4 + head.bias
    assert middle[0] == pytest.approx(middle[1], abs=1e-4)


def test_a_stronger_penalty_gives_a_smaller_head() -> None:
    bank = blobs(3)
    free, _ = fit_head(Probe(c=100.0), bank, names(bank))
    held, _ = fit_head(Probe(c=0.001), bank, names(bank))
    assert np.linalg.norm(held.weight) < 0.5 * np.linalg.norm(free.weight)


def test_the_iterations_are_counted_and_end_it() -> None:
    bank = blobs(3)
    assert fit_head(Probe(iterations=2), bank, names(bank))[1]["iterations"] == 2
    assert 2 < fit_head(Probe(), bank, names(bank))[1]["iterations"] < 1000


def test_a_class_without_images_is_named() -> None:
    bank = blobs(3)
    with pytest.raises(StageFailed, match="none of 'cat', 'dog'"):
        fit_head(Probe(), bank, ("0", "1", "2", "cat", "dog"))
    one = FeatureBank(bank.features, np.zeros_like(bank.labels))
    with pytest.raises(StageFailed, match="two classes or more; there is 'cat'"):
        fit_head(Probe(), one, ("cat",))


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    task = choose({"classification": {"epochs": 2}}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone("vit_nano"), TRAIN, 0)


def probed(start: Checkpoint, stage: Choice = PROBE, seed: int = 0) -> Checkpoint:
    return finetune(stage, start, TRAIN, VALIDATION, seed)


def test_the_weights_stay_and_the_head_is_new(start: Checkpoint) -> None:
    after = probed(start)
    assert after.architecture == start.architecture
    assert after.weights.keys() == start.weights.keys()
    assert all(torch.equal(after.weights[name], start.weights[name]) for name in start.weights)
    assert after.head is not None
    assert start.head is not None
    assert not np.array_equal(after.head.weight, start.head.weight)
    assert after.curves == []


def test_its_accuracy_is_that_of_scikit_learn_on_the_same_features(start: Checkpoint) -> None:
    after = probed(start)
    train, validation = extract(start, TRAIN), extract(start, VALIDATION)
    peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    peer.fit(train.features, train.labels)
    found = extract(after, VALIDATION)
    assert found.logits is not None
    np.testing.assert_array_equal(found.logits.argmax(axis=1), peer.predict(validation.features))
    accuracy = peer.score(validation.features, validation.labels)
    assert after.summary["validation_accuracy"] == pytest.approx(accuracy)
    assert accuracy > 0.8


def test_nothing_is_drawn_and_validation_decides_nothing(start: Checkpoint) -> None:
    torch.manual_seed(3)
    first = probed(start, seed=1)
    again = finetune(PROBE, start, TRAIN, None, 2)
    assert first.head is not None
    assert again.head is not None
    np.testing.assert_array_equal(first.head.weight, again.head.weight)
    np.testing.assert_array_equal(first.head.bias, again.head.bias)
    assert "validation_accuracy" not in again.summary


def test_one_set_of_classes_may_follow_another(start: Checkpoint) -> None:
    three = TRAIN.take(np.flatnonzero(TRAIN.labels < 3))
    images = dataclasses.replace(three, class_names=TRAIN.class_names[:3])
    after = finetune(PROBE, dataclasses.replace(start, head=None), images, None, 0)
    assert after.head is not None
    assert after.head.weight.shape[0] == 3
