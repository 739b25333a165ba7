from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from mood_sweeps.methods.pretexts.dinov2.declaration import DinoV2
from mood_sweeps.methods.pretexts.dinov2.objective import DinoV2Objective, spread_masks
from mood_sweeps.methods.pretexts.masked.encoding import tokens_with_mask_token
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.optimiser_step import Stepper

SMALL = {"outputs": 16, "hidden": 8, "bottleneck": 4, "local_crops": 0}
LABELS = torch.zeros(6, dtype=torch.int64)


pytestmark = pytest.mark.usefixtures("one_thread")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def images(channels: int = 1, side: int = 8) -> torch.Tensor:
    return torch.randn(6, channels, side, side, generator=torch.Generator().manual_seed(1))


def objective(raw: object = "vit_nano", **parameters: Any) -> DinoV2Objective:
    torch.manual_seed(0)
    network: Any = build(describe(choose_backbone(raw)))
    form = network.description["input"]
    example = images(form["channels"], form["size"])
    made = DinoV2Objective.of(DinoV2(**{**SMALL, **parameters}), network, example, 2)
    with torch.no_grad():
        for teacher in made.teacher.parameters():
            teacher.mul_(1.1)
        made.mask_token.normal_()
    return made


def loss(**parameters: Any) -> float:
    dino = objective(head_norm=False, **parameters)
    return float(dino(images(), LABELS, generator()).detach())


def drawn(dino: DinoV2Objective) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the global crops that the objective draws first, and what it hides of them."""
    random = generator()
    views = dino.crops.global_crops(images(), random)
    return views, spread_masks(12, (4, 4), 0.5, (0.1, 0.5), random)


def test_the_patch_loss_is_the_mean_over_images_of_the_mean_over_hidden_patches() -> None:
    dino = objective(head_norm=False)
    views, hidden = drawn(dino)
    with torch.no_grad():
        taught = dino.teacher_heads["patch"](
            dino.teacher.fc_norm(dino.teacher.forward_features(views))
        )
        tokens = tokens_with_mask_token(dino.network, views, hidden, dino.mask_token)
        learnt = dino.heads["patch"](dino.network.fc_norm(tokens))
    total = 0.0
    for image in range(12):
        terms = []
        for patch in range(16):
            if hidden[image, patch]:
                target = torch.softmax(taught[image, patch] / 0.04, dim=0)
                terms.append(-(target * torch.log_softmax(learnt[image, patch] / 0.1, 0)).sum())
        total += sum(terms) / len(terms) if terms else 0.0
    found = loss(patch_weight=1.0, koleo_weight=0.0) - loss(patch_weight=0.0, koleo_weight=0.0)
    assert found == pytest.approx(float(total) / 12, rel=1e-3)


def test_koleo_is_minus_the_log_of_the_distance_to_the_nearest() -> None:
    dino = objective(head_norm=False)
    views, hidden = drawn(dino)
    with torch.no_grad():
        tokens = tokens_with_mask_token(dino.network, views, hidden, dino.mask_token)
        features = dino.network.forward_head(tokens)
    total = 0.0
    for view in (features[:6], features[6:]):
        unit = view / view.norm(dim=1, keepdim=True)
        for i in range(6):
            nearest = min(float((unit[i] - unit[j]).norm()) for j in range(6) if j != i)
            total -= math.log(nearest) / 6
    found = loss(patch_weight=0.0, koleo_weight=2.0) - loss(patch_weight=0.0, koleo_weight=0.0)
    assert found == pytest.approx(2 * total, rel=1e-3)


def test_masks_are_of_the_share_of_images_and_spread_over_the_ratios() -> None:
    hidden = spread_masks(64, (14, 14), 0.5, (0.1, 0.5), generator())
    of_each = hidden.sum(dim=1)
    assert (of_each > 0).sum() == 32
    assert of_each.max() <= round(0.5 * 196)
    masked = of_each[of_each > 0].sort().values
    # Each part of the range has one mask, which blocks fill nearly to its bound.
    bounds = 196 * (0.1 + 0.4 * torch.arange(1, 33) / 32)
    assert (masked <= bounds + 0.5).all()
    assert (masked / bounds).mean() > 0.85
    assert spread_masks(2, (4, 4), 0.1, (0.1, 0.5), generator()).any(dim=1).sum() == 1


def test_hidden_patches_come_in_blocks() -> None:
    hidden = spread_masks(64, (14, 14), 1.0, (0.3, 0.3), generator()).view(64, 14, 14)
    alike = (hidden[:, 1:] == hidden[:, :-1]).float().mean().item()
    assert alike > 0.85  # scattered ones agree with the patch above at 0.3² + 0.7² = 0.58


@pytest.mark.parametrize("shared_head", [True, False])
def test_heads_are_shared_or_not_and_all_of_the_student_learns(shared_head: bool) -> None:
    dino = objective(shared_head=shared_head)
    assert (dino.heads["image"] is dino.heads["patch"]) is shared_head
    assert (dino.teacher_heads["image"] is dino.teacher_heads["patch"]) is shared_head
    dino(images(), LABELS, generator()).backward()
    assert all(parameter.grad is None for parameter in dino.teacher_heads.parameters())
    assert dino.mask_token.grad is not None
    assert dino.mask_token.grad.abs().sum() > 0
    for head in dino.heads.values():
        assert head.last_layer.weight_v.grad.abs().sum() > 0
    before = dino.teacher_heads["patch"].layers[0].weight.clone()
    with torch.no_grad():
        dino.heads["patch"].layers[0].weight.add_(1.0)
    dino.after_step(0.0)
    moved = dino.teacher_heads["patch"].layers[0].weight - before
    torch.testing.assert_close(moved, torch.full_like(moved, 0.05), atol=1e-5, rtol=0)


def test_both_centers_move_and_are_kept() -> None:
    dino = objective()
    dino(images(), LABELS, generator())
    kept = dino.state_dict()
    assert kept["loss.center"].abs().sum() > 0
    assert kept["patch_loss.center.center"].abs().sum() > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_vit_of_timm_takes_a_step_with_the_papers_views(precision: str) -> None:
    dino = objective(
        {"vit_tiny_patch16_224": {"image_size": 48}},
        augmentation="paper",
        local_crops=2,
        local_size=0.4,
        head_norm=False,
        precision=precision,
    )
    before = dino.network.pos_embed.clone()
    dino.before_step(0.0)
    value = Stepper(dino, dino.task).step(images(3, 48), LABELS, generator(), 1e-3)
    dino.after_step(1.0)
    assert math.isfinite(value)
    assert not torch.equal(before, dino.network.pos_embed)
    assert dino.patch_loss.center.value.dtype == torch.float32


def test_the_paper_preset_is_the_recipe_of_a_vit_l_from_scratch() -> None:
    task = DinoV2().with_preset((), is_nano=False)
    assert (task.outputs, task.hidden, task.bottleneck) == (2**17, 2048, 384)
    assert task.epochs * 14_197_122 / task.batch_size == pytest.approx(625_000, rel=0.01)
    assert task.base_batch_size is None
    assert task.learning_rate == pytest.approx(2e-4 * math.sqrt(3072 / 1024), rel=0.02)
    # Of the 500 epochs of 1,250 steps in vitl14.yaml.
    shares = (task.warmup, task.teacher_warmup, task.frozen_head)
    assert [share * 500 for share in shares] == [80, 30, 1]
    assert (task.local_crops, task.momentum) == (8, 0.994)
    assert (task.masked_images, task.mask_ratio, task.koleo_weight) == (0.5, (0.1, 0.5), 0.1)
    assert not task.head_norm
