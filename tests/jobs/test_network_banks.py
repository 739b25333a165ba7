"""Scorers that ask the network, on real ones: a ResNet and a ViT trained for one epoch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.data.catalogue import image_set
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.inspection.live_network import LiveNetwork, NetworkInputs
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.networks.timm_networks import build
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.gradient.input_step import away_from
from mood_sweeps.scorers.gradient.odin import ODIN

pytestmark = pytest.mark.usefixtures("as_in_a_stage")

ASKING = sorted(name for name, kind in SCORERS.items() if "network" in kind.needs)


@pytest.fixture(scope="module")
def as_in_a_stage():
    with single_thread():
        yield


def bank(checkpoint, split, count) -> FeatureBank:
    images = image_set("digits:0-5").open(split)
    few = images.take(np.arange(count))
    return dataclasses.replace(
        extract(checkpoint, few),
        inputs=NetworkInputs(few, checkpoint.architecture["input"]),
        network=LiveNetwork(checkpoint),
    )


@pytest.fixture(scope="module", params=["resnet_nano", "vit_nano"])
def checkpoint(request):
    task = choose({"classification": {"epochs": 1, "batch_size": 256}}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone(request.param), image_set("digits:0-5").open("train"), 0)


@pytest.fixture(scope="module")
def train(checkpoint):
    return bank(checkpoint, "train", 300)


@pytest.fixture(scope="module")
def test(checkpoint):
    return bank(checkpoint, "test", 150)


@pytest.mark.parametrize("name", ASKING)
def test_scores_are_finite_and_differ_and_forget_nothing(name, checkpoint, train, test):
    scorer = SCORERS[name]()
    if scorer.pooled_form and checkpoint.architecture["family"] == "vit":
        with pytest.raises(Undefined, match="pooled from tokens"):
            scorer.fit(train, None)
        return
    state = scorer.fit(train, checkpoint.head if "head" in scorer.needs else None)
    if "decoder" in scorer.needs:  # with one: tests/launching/test_pictures_launch.py
        with pytest.raises(InputError, match="has no decoder"):
            scorer.score(state, test)
        return
    if (name, checkpoint.architecture["family"]) == ("rankfeat", "vit"):
        with pytest.raises(Undefined, match="convolutional networks"):
            scorer.score(state, test)
        return
    scores = scorer.score(state, test)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0
    # A hook or a change left behind in the network would show the second time.
    np.testing.assert_array_equal(scorer.score(state, test), scores)


def gradient_by_torch(checkpoint, images, temperature):
    """The loss of ODIN by the input, and what the network says of an input."""
    network = build(checkpoint.architecture)
    network.load_state_dict(checkpoint.weights)
    network.eval()
    weight = torch.from_numpy(checkpoint.head.weight)
    bias = torch.from_numpy(checkpoint.head.bias)

    def logits(inputs):
        return network(inputs) @ weight.T + bias

    given = torch.from_numpy(images).requires_grad_()
    said = logits(given)
    loss = torch.nn.functional.cross_entropy(
        said / temperature, said.argmax(dim=1), reduction="sum"
    )
    (gradient,) = torch.autograd.grad(loss, given)
    return gradient.numpy(), logits


def test_odin_follows_the_gradient_that_autograd_finds(checkpoint, test):
    images = test.inputs[:]
    gradient, logits = gradient_by_torch(checkpoint, images, temperature=1.0)
    pulled = test.network.input_gradient(images, lambda _, z: (None, away_from(z, 1.0)))
    np.testing.assert_allclose(unit(pulled), unit(gradient), atol=1e-4)
    step = 0.002 * np.sign(gradient) / checkpoint.architecture["input"]["std"][0]
    with torch.no_grad():
        moved = logits(torch.from_numpy((images - step).astype(np.float32))).double()
    expected = torch.softmax(moved, dim=1).max(dim=1).values.numpy()
    # Scores of one epoch hardly differ: it is their rise that is compared.
    still = ODIN(temperature=1.0, epsilon=0.0).score({}, test)
    rise = ODIN(temperature=1.0, epsilon=0.002).score({}, test) - still
    assert (rise > 0).mean() > 0.95
    np.testing.assert_allclose(rise, expected - still, atol=0.02 * np.abs(rise).max())


def unit(gradient):
    return gradient / np.abs(gradient).max(axis=(1, 2, 3), keepdims=True)
