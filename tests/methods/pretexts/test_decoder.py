from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import InputError
from mood_sweeps.inspection.live_network import LiveNetwork, NetworkInputs
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.decoder import restore_objective
from mood_sweeps.methods.pretexts.masked.masks import patchify, unpatchify
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.methods.tokenizers.declarations import Dvae
from mood_sweeps.methods.tokenizers.train_tokenizer import train_tokenizer
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint, load

CORPUS = image_set("digits:0-5").open("train").take(np.arange(128))
VIT = choose_backbone("vit_nano")


pytestmark = pytest.mark.usefixtures("one_thread")


def trained(pretext: str, **parameters: object) -> Checkpoint:
    choice = choose({pretext: {"epochs": 2, **parameters}}, PRETEXTS, "pretext")
    tokenizer = None
    model = choice.parameters.tokenizer_for(VIT, Path())
    if model is not None:
        tokenizer = train_tokenizer(model.parameters, CORPUS, 0)
    return pretrain(choice, VIT, CORPUS, 0, tokenizer=tokenizer)


def inputs(checkpoint: Checkpoint) -> np.ndarray:
    return NetworkInputs(CORPUS, checkpoint.architecture["input"])[0:6]


CASES = [
    ("mim", {}),
    ("mim", {"normalise": False}),
    ("mim", {"target": "tokens", "tokenizer_epochs": 2, "vocabulary": 8}),
    ("mae", {}),
    ("simmim", {"mask_patch_size": 4}),
]


@pytest.mark.parametrize(("pretext", "parameters"), CASES)
def test_a_saved_checkpoint_reconstructs_as_the_one_that_was_trained(
    pretext: str, parameters: dict[str, object], tmp_path: Path
) -> None:
    checkpoint = trained(pretext, **parameters)
    checkpoint.save(tmp_path)
    images = inputs(checkpoint)
    made = LiveNetwork(checkpoint).reconstruct(images, 0)
    assert made.shape == images.shape
    assert np.isfinite(made).all()
    np.testing.assert_array_equal(LiveNetwork(load(tmp_path)).reconstruct(images, 0), made)
    assert not np.array_equal(LiveNetwork(checkpoint).reconstruct(images, 1), made)


@pytest.mark.parametrize(("pretext", "parameters"), [CASES[1], CASES[4]])
def test_a_patch_is_made_from_others_alone(pretext: str, parameters: dict[str, object]) -> None:
    network = LiveNetwork(trained(pretext, **parameters))
    images = np.zeros((1, 1, 8, 8), dtype=np.float32)
    changed = images.copy()
    changed[0, 0, 2:4, 4:6] = 1.0
    before, after = network.reconstruct(images, 0), network.reconstruct(changed, 0)
    np.testing.assert_array_equal(before[..., 2:4, 4:6], after[..., 2:4, 4:6])
    assert not np.array_equal(before, after)


def test_training_longer_reconstructs_better() -> None:
    def error(epochs: int) -> float:
        checkpoint = trained("mim", epochs=epochs, normalise=False)
        images = inputs(checkpoint)
        made = LiveNetwork(checkpoint).reconstruct(images, 0)
        return float(np.square(made - images).mean())

    assert error(30) < 0.8 * error(1)


def test_who_trains_on_has_no_decoder() -> None:
    random = pretrain(choose("random", PRETEXTS, "pretext"), VIT, None, 0)
    with pytest.raises(InputError, match="has no decoder"):
        restore_objective(random)


def test_patches_are_put_back_where_they_were() -> None:
    images = torch.rand(2, 3, 6, 6)
    assert torch.equal(unpatchify(patchify(images, 2), 2, 3), images)


def test_a_tokenizer_is_declared_as_it_was() -> None:
    checkpoint = trained("mim", target="tokens", tokenizer_epochs=1, vocabulary=8)
    assert checkpoint.decoder is not None
    assert checkpoint.decoder.tokenizer is not None
    assert checkpoint.decoder.tokenizer["dvae"]["vocabulary"] == 8 != Dvae().vocabulary
