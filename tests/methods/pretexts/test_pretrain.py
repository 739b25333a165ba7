from __future__ import annotations

import pytest
import torch

from mood_sweeps.choice import Choice, choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import InputError
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from tests.support.method_cases import same_weights, untrained

CORPUS = image_set("digits:0-5").open("train")
pytestmark = pytest.mark.usefixtures("one_thread")


def trained(pretext: str, backbone: str, seed: int = 0, epochs: int = 1) -> Checkpoint:
    task: Choice = choose({pretext: {"epochs": epochs}}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone(backbone), CORPUS, seed)


def test_the_seed_matters() -> None:
    assert not same_weights(untrained("vit_nano", 0), untrained("vit_nano", 1))


def test_random_weights_are_where_every_pretext_starts() -> None:
    start = untrained("resnet_nano", 3)
    moved = pretrain(
        choose({"classification": {"epochs": 1, "learning_rate": 1e-12}}, PRETEXTS, "pretext"),
        choose_backbone("resnet_nano"),
        CORPUS,
        3,
    )
    torch.testing.assert_close(start.weights["conv1.weight"], moved.weights["conv1.weight"])
    assert start.head is None
    assert start.curves == []


def test_torchs_global_state_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained("classification", "resnet_nano")
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_family_the_pretext_cannot_train_is_refused() -> None:
    with pytest.raises(InputError, match="'mim' trains backbones of family vit; 'resnet_nano'"):
        trained("mim", "resnet_nano")


def test_a_missing_corpus_is_refused() -> None:
    with pytest.raises(InputError, match="'mocov3' needs a corpus"):
        pretrain(choose("mocov3", PRETEXTS, "pretext"), choose_backbone("vit_nano"), None, 0)
