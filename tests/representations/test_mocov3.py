from __future__ import annotations

import math

import pytest
import torch

from mood_sweeps.representations import choose_backbone
from mood_sweeps.representations.networks import build, describe
from mood_sweeps.representations.objectives.mocov3 import MoCoV3Objective, contrast


def objective(name: str, momentum: float = 0.9) -> MoCoV3Objective:
    torch.manual_seed(0)
    network = build(describe(choose_backbone(name)))
    width = network(torch.zeros(2, 1, 8, 8)).shape[1]
    return MoCoV3Objective(
        network, width, hidden=16, projection=8, temperature=0.2, momentum=momentum
    )


def test_contrast_is_info_nce_written_out() -> None:
    queries, keys = torch.randn(5, 4), torch.randn(5, 4)
    tau, total = 0.2, 0.0
    for i in range(5):
        similar = [
            float(queries[i] @ keys[j] / (queries[i].norm() * keys[j].norm())) / tau
            for j in range(5)
        ]
        total += -math.log(math.exp(similar[i]) / sum(map(math.exp, similar)))
    assert contrast(queries, keys, tau).item() == pytest.approx(2 * tau * total / 5, rel=1e-5)


def test_perfect_agreement_is_cheap_and_confusion_dear() -> None:
    keys = torch.eye(6)
    assert contrast(keys, keys, 0.2) < contrast(keys.roll(1, 0), keys, 0.2)


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


def test_the_patch_embedding_stays_frozen_and_the_rest_learns() -> None:
    moco = objective("vit_nano")
    images = torch.rand(8, 1, 8, 8)
    moco(images, torch.zeros(8, dtype=torch.int64), torch.Generator().manual_seed(0)).backward()
    assert moco.network.patch_embed.proj.weight.grad is None
    assert moco.network.blocks[0].attn.qkv.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in moco.key_encoder.parameters())
