from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import InputError
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.dino.declaration import Dino
from mood_sweeps.methods.pretexts.dino.objective import DinoObjective
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.optimiser_step import Stepper

SMALL = {"outputs": 16, "hidden": 8, "bottleneck": 4}
LABELS = torch.zeros(6, dtype=torch.int64)


pytestmark = pytest.mark.usefixtures("one_thread")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def images(channels: int = 1, side: int = 8) -> torch.Tensor:
    return torch.randn(6, channels, side, side, generator=torch.Generator().manual_seed(1))


def objective(raw: object = "vit_nano", **parameters: Any) -> DinoObjective:
    torch.manual_seed(0)
    network: Any = build(describe(choose_backbone(raw)))
    form = network.description["input"]
    example = images(form["channels"], form["size"])
    return DinoObjective.of(Dino(**{**SMALL, **parameters}), network, example, 2)


def softmax(values: list[float], temperature: float) -> list[float]:
    powers = [math.exp(value / temperature) for value in values]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("backbone", ["vit_nano", "resnet_nano"])
def test_the_loss_is_the_cross_entropy_between_views_that_differ(backbone: str) -> None:
    dino = objective(backbone, local_crops=1, head_norm=False)
    dino.loss.center.normal_(std=0.1)
    center = dino.loss.center.flatten().tolist()
    with torch.no_grad():
        for teacher in dino.teacher.parameters():
            teacher.mul_(1.1)
    drawn = generator()
    two = dino.crops.global_crops(images(), drawn)
    with torch.no_grad():
        taught = dino.teacher_heads["image"](dino.teacher(two)).view(2, 6, 16).tolist()
        features = dino.network(two)
        local = dino.crops.local_features(dino.network, images(), drawn)
        learnt = dino.heads["image"](torch.cat([features, local])).view(3, 6, 16).tolist()
    losses = []
    for t, s in [(0, 1), (0, 2), (1, 0), (1, 2)]:
        for image in range(6):
            centred = [out - c for out, c in zip(taught[t][image], center, strict=True)]
            target, said = softmax(centred, 0.04), softmax(learnt[s][image], 0.1)
            losses.append(-sum(p * math.log(q) for p, q in zip(target, said, strict=True)))
    found = dino(images(), LABELS, generator())
    assert found.item() == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_the_center_is_a_moving_average_of_what_the_teacher_says() -> None:
    dino = objective(center_momentum=0.7)
    dino.loss.center.fill_(0.5)
    with torch.no_grad():
        said = dino.teacher_heads["image"](
            dino.teacher(dino.crops.global_crops(images(), generator()))
        )
    dino(images(), LABELS, generator())
    expected = 0.7 * 0.5 + 0.3 * said.mean(dim=0)
    torch.testing.assert_close(dino.loss.center.flatten(), expected)
    assert "loss.center" in dino.state_dict()


def test_the_teacher_starts_as_the_student_and_follows_by_the_momentum() -> None:
    dino = objective(momentum=0.9)
    for teacher, student in [(dino.teacher, dino.network), (dino.teacher_heads, dino.heads)]:
        before = [parameter.clone() for parameter in teacher.parameters()]
        for its, mine in zip(before, student.parameters(), strict=True):
            assert torch.equal(its, mine)
            with torch.no_grad():
                mine.add_(1.0)
        dino.after_step(0.5)  # the momentum is half way from 0.9 to 1
        for now, was in zip(teacher.parameters(), before, strict=True):
            torch.testing.assert_close(now - was, torch.full_like(now, 0.05))
            assert not now.requires_grad
    assert dino.trained_network() is dino.teacher


def test_only_the_student_learns() -> None:
    dino = objective()
    dino(images(), LABELS, generator()).backward()
    assert all(parameter.grad is None for parameter in dino.teacher.parameters())
    assert all(parameter.grad is None for parameter in dino.teacher_heads.parameters())
    assert dino.network.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


def test_the_teachers_temperature_rises_and_stays() -> None:
    dino = objective(first_teacher_temperature=0.04, teacher_temperature=0.07, teacher_warmup=0.3)
    seen = []
    for progress in (0.0, 0.15, 0.3, 0.9):
        dino.before_step(progress)
        seen.append(dino.temperature)
    assert seen == pytest.approx([0.04, 0.055, 0.07, 0.07])


@pytest.mark.parametrize("unit_prototypes", [True, False])
def test_the_heads_last_layer_waits(unit_prototypes: bool) -> None:
    dino = objective(frozen_head=0.5, unit_prototypes=unit_prototypes)
    stepper, layer = Stepper(dino, dino.task), dino.heads["image"].last_layer
    first = dino.heads["image"].layers[0].weight

    def step(progress: float) -> list[bool]:
        """Return what a step changed: the first layer, directions and lengths of the last."""
        watched = (first, layer.weight_v, layer.weight_g)
        before = [one.clone() for one in watched]
        dino.before_step(progress)
        stepper.step(images(), LABELS, generator(), 0.01)
        return [not torch.equal(now, was) for now, was in zip(watched, before, strict=True)]

    assert step(0.4) == [True, False, False]
    assert step(0.5) == [True, True, not unit_prototypes]
    if unit_prototypes:
        torch.testing.assert_close(layer.weight.norm(dim=1), torch.ones(16))


@pytest.mark.parametrize(
    ("backbone", "local_size", "side"),
    [
        ("vit_nano", 0.75, 6),
        ("vit_nano", 0.6, 4),  # 4.8 pixels: whole patches of 2
        ("vit_nano", 0.01, 2),
        ("resnet_nano", 0.6, 5),
        ({"vit_tiny_patch16_224": {"image_size": 48}}, 96 / 224, 16),
        ({"eva02_tiny_patch14_224": {"image_size": 28}}, 0.5, 28),  # rotary: enlarged
    ],
)
def test_counts_and_sizes_of_crops(backbone: object, local_size: float, side: int) -> None:
    dino = objective(backbone, local_size=local_size, local_crops=3)
    form = dino.network.description["input"]
    some = images(form["channels"], form["size"])
    sizes: list[torch.Size] = []
    handle = dino.network.register_forward_pre_hook(
        lambda _module, inputs: sizes.append(inputs[0].shape)
    )
    local = dino.crops.local_features(dino.network, some, generator())
    handle.remove()
    assert sizes == [(18, form["channels"], side, side)]
    assert len(local) == 18
    assert dino.crops.global_crops(some, generator()).shape == (12, *some.shape[1:])


def test_local_crops_can_be_left_out() -> None:
    dino = objective(local_crops=0)
    assert torch.isfinite(dino(images(), LABELS, generator()))


def test_local_crops_that_vanish_in_the_network_are_refused() -> None:
    with pytest.raises(InputError, match="local crops of 4×4 pixels are too small for densenet121"):
        objective({"densenet121": {"image_size": 40}}, local_size=0.1)


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
    assert dino.loss.center.dtype == torch.float32
    assert dino.loss.center.abs().sum() > 0


def test_the_teacher_is_what_is_published() -> None:
    def checkpoint(raw: object) -> dict[str, torch.Tensor]:
        task = choose(raw, PRETEXTS, "pretext")
        corpus = image_set("digits:0-5").open("train")
        return pretrain(task, choose_backbone("vit_nano"), corpus, 0).weights

    start = checkpoint("random")
    still = checkpoint({"dino": {"epochs": 1, "momentum": 0.999999999999}})
    moved = checkpoint({"dino": {"epochs": 1}})
    torch.testing.assert_close(still, start)
    assert not torch.equal(moved["pos_embed"], start["pos_embed"])


def test_scales_can_be_changed_and_must_be_ranges() -> None:
    raw = {"dino": {"global_scale": [0.5, 1.0], "local_scale": [0.1, 0.5]}}
    scales = [view.crop_scale for view in choose(raw, PRETEXTS, "pretext").parameters.views()]
    assert scales == [(0.5, 1.0), (0.5, 1.0), (0.1, 0.5)]
    with pytest.raises(InputError, match=r"local_scale .*must go from low to high"):
        choose({"dino": {"local_scale": [0.5, 0.1]}}, PRETEXTS, "pretext")


def test_the_paper_preset_is_the_papers_recipe() -> None:
    task = Dino().with_preset((), is_nano=False)
    assert (task.epochs, task.batch_size, task.warmup * task.epochs) == (300, 1024, 10)
    assert task.learning_rate * task.batch_size / task.base_batch_size == pytest.approx(2e-3)
    assert (task.outputs, task.hidden, task.bottleneck) == (65536, 2048, 256)
    assert not task.head_norm
    assert task.unit_prototypes
    assert (task.local_crops, task.local_size * 224, task.momentum) == (10, 96, 0.996)
    assert task.frozen_head * task.epochs == 1
    assert task.teacher_warmup * task.epochs == 30
    assert (task.first_teacher_temperature, task.teacher_temperature) == (0.04, 0.07)
