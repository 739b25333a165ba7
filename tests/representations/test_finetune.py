from __future__ import annotations

import numpy as np
import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.datasets import image_set
from mood_sweeps.representations import PRETEXTS, choose_backbone, choose_finetune
from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.extract import extract
from mood_sweeps.representations.finetune import finetune
from mood_sweeps.representations.pretrain import pretrain

DIGITS = image_set("digits:0-5")
TRAIN, VALIDATION = DIGITS.load("train"), DIGITS.load("val")


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    random = choose("random", PRETEXTS, "pretext")
    return pretrain(random, choose_backbone("resnet_nano"), None, 0)


def tuned(start: Checkpoint, epochs: int, validated: bool = True) -> Checkpoint:
    (stage,) = choose_finetune({"pt+ft": {"ft": {"epochs": epochs}}})
    return finetune(stage, start, TRAIN, VALIDATION if validated else None, 0)


def test_a_few_epochs_learn_digits(start: Checkpoint) -> None:
    checkpoint = tuned(start, 5)
    bank = extract(checkpoint, VALIDATION)
    assert bank.logits is not None
    accuracy = (bank.logits.argmax(axis=1) == bank.labels).mean()
    assert accuracy > 0.9
    assert checkpoint.summary["validation_accuracy"] == pytest.approx(accuracy)
    assert checkpoint.curves[-1]["validation_accuracy"] == pytest.approx(accuracy)
    assert checkpoint.head is not None
    assert checkpoint.head.weight.shape == (6, 128)


def test_validation_decides_nothing(start: Checkpoint) -> None:
    with_it, without = tuned(start, 1), tuned(start, 1, validated=False)
    assert all(torch.equal(with_it.weights[n], without.weights[n]) for n in with_it.weights)
    assert "validation_accuracy" not in without.summary


def test_the_start_is_not_changed_and_the_run_repeats(start: Checkpoint) -> None:
    before = {name: tensor.clone() for name, tensor in start.weights.items()}
    first, second = tuned(start, 1), tuned(start, 1)
    assert all(torch.equal(before[name], start.weights[name]) for name in before)
    assert all(torch.equal(first.weights[n], second.weights[n]) for n in first.weights)
    assert first.head is not None
    assert second.head is not None
    np.testing.assert_array_equal(first.head.weight, second.head.weight)
