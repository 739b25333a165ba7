from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.mocov3.declaration import MoCoV3
from mood_sweeps.methods.pretexts.mocov3.objective import MoCoV3Objective, contrastive_loss
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe


def objective(name: str, momentum: float = 0.9, projector_layers: int = 2) -> MoCoV3Objective:
    torch.manual_seed(0)
    network = build(describe(choose_backbone(name)))
    width = network(torch.zeros(2, 1, 8, 8)).shape[1]
    task = MoCoV3(hidden=16, projection=8, momentum=momentum, projector_layers=projector_layers)
    return MoCoV3Objective(task, network, width)


def test_contrast_is_info_nce_written_out() -> None:
    queries, keys = torch.randn(5, 4), torch.randn(5, 4)
    tau, total = 0.2, 0.0
    for i in range(5):
        similar = [
            float(queries[i] @ keys[j] / (queries[i].norm() * keys[j].norm())) / tau
            for j in range(5)
        ]
        total += -math.log(math.exp(similar[i]) / sum(map(math.exp, similar)))
    assert contrastive_loss(queries, keys, tau).item() == pytest.approx(
        2 * tau * total / 5, rel=1e-5
    )


def test_perfect_agreement_is_cheap_and_confusion_dear() -> None:
    keys = torch.eye(6)
    assert contrastive_loss(keys, keys, 0.2) < contrastive_loss(keys.roll(1, 0), keys, 0.2)


def test_the_key_encoder_follows_by_the_momentum_and_learns_no_other_way() -> None:
    moco = objective("resnet_nano", momentum=0.9)
    key, query = next(moco.key_encoder.parameters()), next(moco.network.parameters())
    before = key.clone()
    with torch.no_grad():
        query.add_(1.0)
    moco.after_step(0.0)
    torch.testing.assert_close(key - before, torch.full_like(key, 0.1))
    moco.after_step(1.0)
    torch.testing.assert_close(key - before, torch.full_like(key, 0.1))
    assert not any(parameter.requires_grad for parameter in moco.key_encoder.parameters())


def test_the_papers_heads_and_views() -> None:
    paper = MoCoV3().with_preset((), is_nano=False)
    assert paper.projector_layers == 3
    first, second = paper.views()
    assert (first.blur, first.solarise) == (1.0, 0.0)
    assert (second.blur, second.solarise) == (0.1, 0.2)
    assert first.crop_scale == second.crop_scale == (0.08, 1.0)
    heads = objective("resnet_nano", projector_layers=3)
    widths = [layer.out_features for layer in heads.projector if isinstance(layer, nn.Linear)]
    assert widths == [16, 16, 8]
    assert [one.out_features for one in heads.predictor if isinstance(one, nn.Linear)] == [16, 8]


def test_single_parts_of_the_views_can_be_changed() -> None:
    raw = {"mocov3": {"augmentation": "paper", "flip": 0.0, "blur": 0.3, "crop_scale": [0.5, 1]}}
    views = choose(raw, PRETEXTS, "pretext").parameters.views()
    assert [(view.flip, view.blur, view.solarise) for view in views] == [(0, 0.3, 0), (0, 0.3, 0.2)]
    assert {view.crop_scale for view in views} == {(0.5, 1.0)}


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"flip": 1.5}, "parameter 'flip': .*less than or equal to 1"),
        ({"crop_scale": [0.5, 0.2]}, "crop_scale .*must go from low to high"),
        ({"crop_scale": [0.0, 1.0]}, "parameter 'crop_scale.0': .*greater than 0"),
        ({"augmentation": "papr"}, "'nano' or 'paper'"),
    ],
)
def test_views_that_cannot_be_are_refused(parameters: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        choose({"mocov3": parameters}, PRETEXTS, "pretext")


def test_the_patch_embedding_stays_frozen_and_the_rest_learns() -> None:
    moco = objective("vit_nano")
    images = torch.rand(8, 1, 8, 8)
    moco(images, torch.zeros(8, dtype=torch.int64), torch.Generator().manual_seed(0)).backward()
    assert moco.network.patch_embed.proj.weight.grad is None
    assert moco.network.blocks[0].attn.qkv.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in moco.key_encoder.parameters())
