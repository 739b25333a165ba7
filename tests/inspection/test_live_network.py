from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.choice import choose
from mood_sweeps.data.catalogue import image_set
from mood_sweeps.errors import Undefined
from mood_sweeps.inspection.live_network import LiveNetwork, NetworkInputs
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.networks.timm_networks import build, describe

IMAGES = image_set("digits:0-5").open("test")


@pytest.fixture(scope="module", params=["vit_nano", "resnet_nano"])
def checkpoint(request):
    task = choose({"classification": {"epochs": 1, "batch_size": 256}}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone(request.param), image_set("digits:0-5").open("train"), 0)


@pytest.fixture
def network(checkpoint):
    return LiveNetwork(checkpoint)


@pytest.fixture
def inputs(checkpoint):
    return NetworkInputs(IMAGES, checkpoint.architecture["input"])[0:6]


def test_it_says_what_the_bank_says(checkpoint, network, inputs):
    bank = extract(checkpoint, IMAGES)
    features, logits = network.forward(inputs)
    np.testing.assert_allclose(features, bank.features[:6], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, bank.logits[:6], rtol=1e-4, atol=1e-5)


def test_inputs_are_transformed_when_asked_for(checkpoint):
    form = checkpoint.architecture["input"]
    inputs = NetworkInputs(IMAGES, form)
    assert len(inputs) == len(IMAGES)
    whole, part = inputs[0:9], inputs[3:9]
    assert whole.dtype == np.float32
    assert whole.shape == (9, form["channels"], form["size"], form["size"])
    np.testing.assert_array_equal(whole[3:], part)
    (std,) = LiveNetwork(checkpoint).std
    pixels = whole * std + form["mean"][0]
    np.testing.assert_allclose(pixels[:, 0] * 255, IMAGES.images[:9, :, :, 0], atol=1e-3)


def directional(network, inputs, direction, by_features, by_logits):
    """Central difference of Σ features·by_features + Σ logits·by_logits along ``direction``."""

    def value(at):
        features, logits = network.forward(at.astype(np.float32))
        return float((features.astype(np.float64) * by_features).sum()) + float(
            (logits.astype(np.float64) * by_logits).sum()
        )

    step = 1e-2
    return (value(inputs + step * direction) - value(inputs - step * direction)) / (2 * step)


def test_the_input_gradient_is_the_slope(network, inputs):
    rng = np.random.default_rng(0)
    features, logits = network.forward(inputs)
    by_features = rng.normal(size=features.shape).astype(np.float32)
    by_logits = rng.normal(size=logits.shape).astype(np.float32)
    seen = {}

    def pull(features, logits):
        seen["features"], seen["logits"] = features, logits
        return by_features, by_logits

    gradient = network.input_gradient(inputs, pull)
    assert gradient.shape == inputs.shape
    np.testing.assert_allclose(seen["features"], features, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen["logits"], logits, rtol=1e-5, atol=1e-5)
    direction = gradient / np.linalg.norm(gradient)
    slope = directional(network, inputs, direction, by_features, by_logits)
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=0.05)


def test_a_derivative_that_is_zero_may_be_left_out(network, inputs):
    ones = network.input_gradient(inputs, lambda x, z: (np.ones_like(x), np.zeros_like(z)))
    np.testing.assert_array_equal(
        network.input_gradient(inputs, lambda x, _: (np.ones_like(x), None)), ones
    )


def test_images_of_one_batch_do_not_see_each_other(network, inputs):
    def pull(_, z):
        return None, z

    whole = network.input_gradient(inputs, pull)
    alone = network.input_gradient(inputs[2:3], pull)
    np.testing.assert_allclose(whole[2:3], alone, rtol=1e-3, atol=1e-5)


def test_blocks_are_maps_and_their_gradients_have_their_shape(network, inputs):
    maps = network.layers(inputs)
    assert len(maps) >= 3
    assert all(one.ndim == 4 and len(one) == len(inputs) for one in maps)
    again, gradients = network.layer_gradients(inputs, lambda _, z: (None, np.ones_like(z)))
    features, logits = network.forward(inputs)
    flat = [*(one.reshape(*one.shape[:2], -1) for one in maps), features[:, :, None]]
    for one, other, gradient in zip(flat, again, gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert gradient.shape == one.shape
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    # Σ of the logits is linear in the features: its gradient is the sum of the head's rows.
    np.testing.assert_allclose(gradients[-1][:, :, 0], np.tile(gradients[-1][:1, :, 0], (6, 1)))
    values = (features * gradients[-1][:, :, 0]).sum(axis=1) - logits.sum(axis=1)
    assert np.ptp(values) < 1e-3


def test_tokens_that_stand_for_no_patch_are_positions_too():
    backbone = choose_backbone({"test_vit": {"image_size": 32, "channels": 1}})
    weights = build(describe(backbone)).state_dict()
    network = LiveNetwork(Checkpoint(describe(backbone), weights))
    inputs = np.random.default_rng(0).normal(size=(2, 1, 32, 32)).astype(np.float32)
    # Of a plain sum nothing has a gradient: it is always 0 after the last LayerNorm.
    rising = np.linspace(0, 1, 64, dtype=np.float32)
    values, gradients = network.layer_gradients(
        inputs, lambda x, _: (np.broadcast_to(rising, x.shape).copy(), None)
    )
    maps = network.layers(inputs)
    for one, tokens in zip(maps, values[:-1], strict=True):
        assert tokens.shape == (2, 64, 5)
        np.testing.assert_allclose(tokens[:, :, 1:], one.reshape(2, 64, 4), rtol=1e-5, atol=1e-6)
    # The class token alone is pooled: of the last block nothing else has a gradient.
    assert np.abs(gradients[-2][:, :, 0]).max() > 0
    assert np.abs(gradients[-2][:, :, 1:]).max() == 0


def test_a_final_map_leads_to_the_features(checkpoint, network, inputs):
    if checkpoint.architecture["family"] != "cnn":
        with pytest.raises(Undefined, match="pooled from tokens"):
            network.final_map(inputs)
        return
    maps = network.final_map(inputs)
    assert maps.shape == network.layers(inputs)[-1].shape
    for one, plain in zip(network.from_final_map(maps), network.forward(inputs), strict=True):
        np.testing.assert_allclose(one, plain, rtol=1e-4, atol=1e-5)
    twice = network.from_final_map(2 * maps)[0]
    np.testing.assert_allclose(twice, 2 * network.forward(inputs)[0], rtol=1e-4, atol=1e-5)


def test_a_changed_block_changes_what_follows(checkpoint, inputs):
    if checkpoint.architecture["family"] != "cnn":
        return
    network = LiveNetwork(checkpoint)
    plain = network.forward(inputs)
    for layer in range(len(network.layers(inputs))):
        same = network.forward_changed(inputs, layer, lambda maps: maps)
        np.testing.assert_allclose(same[1], plain[1], rtol=1e-5, atol=1e-6)
        none = network.forward_changed(inputs, layer, np.zeros_like)
        assert np.ptp(none[1], axis=0).max() < 1e-5 < np.ptp(plain[1], axis=0).max()
    # and leaves no trace
    np.testing.assert_array_equal(network.forward(inputs)[1], plain[1])
