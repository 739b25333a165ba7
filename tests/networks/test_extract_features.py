from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint, load
from mood_sweeps.networks.extract_features import extract

DIGITS = image_set("digits:0-5")


@pytest.fixture(scope="module", params=["vit_nano", "resnet_nano"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    task = choose({"classification": {"epochs": 2}}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone(request.param), DIGITS.open("train"), 0)


def test_features_do_not_depend_on_the_batch(checkpoint: Checkpoint) -> None:
    images = DIGITS.open("val")
    whole = extract(checkpoint, images)
    for batch_size in (1, 17):
        part = extract(checkpoint, images, batch_size)
        np.testing.assert_allclose(part.features, whole.features, atol=1e-5)


def test_extraction_repeats_exactly_and_leaves_the_generator_alone(checkpoint: Checkpoint) -> None:
    images = DIGITS.open("val")
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    first = extract(checkpoint, images)
    assert torch.equal(torch.rand(2), expected)
    np.testing.assert_array_equal(first.features, extract(checkpoint, images).features)


def test_logits_are_the_head_on_the_features(checkpoint: Checkpoint) -> None:
    bank = extract(checkpoint, DIGITS.open("test"))
    head = checkpoint.head
    assert head is not None
    assert bank.logits is not None
    assert bank.features.dtype == bank.logits.dtype == np.float32
    assert bank.labels.dtype == np.int64
    np.testing.assert_allclose(
        bank.logits, bank.features.astype(np.float64) @ head.weight.T + head.bias, atol=1e-4
    )


def test_a_saved_checkpoint_gives_the_same_bits(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    images = DIGITS.open("val")
    np.testing.assert_array_equal(
        extract(load(tmp_path), images).features, extract(checkpoint, images).features
    )


@pytest.mark.parametrize("source", ["photos", "textures", "shapes", "gaussian", "uniform"])
def test_every_image_set_can_be_extracted(checkpoint: Checkpoint, source: str) -> None:
    images = image_set(source).open("all")
    bank = extract(checkpoint, images)
    assert len(bank) == len(images)
    assert np.isfinite(bank.features).all()


def test_a_headless_checkpoint_has_no_logits() -> None:
    random = choose("random", PRETEXTS, "pretext")
    headless = pretrain(random, choose_backbone("vit_nano"), None, 0)
    assert extract(headless, DIGITS.open("val")).logits is None
