"""What every pretext task of the catalogue keeps; a new entry is tested by being in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.dinov2 import objective as dinov2
from mood_sweeps.methods.pretexts.mim import objective as mim
from mood_sweeps.methods.pretexts.objective import PretextObjective, objective_of
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.methods.pretexts.task import PretextTask
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.loop import Trained, train
from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup
from mood_sweeps.training.resume_state import ResumeState
from tests.support.gpu_in_name import draw_outside, loss_on_gpu
from tests.support.killed_training import DiesInTheMiddle
from tests.support.method_cases import CORPUS, FEW, TRAINABLE, same_weights, task_of
from tests.support.threaded_process_group import as_team

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.parametrize(("pretext", "backbone"), TRAINABLE),
]


def trained(pretext: str, backbone: str, seed: int = 0, **more: Any) -> Checkpoint:
    return pretrain(task_of(pretext), choose_backbone(backbone), FEW, seed, **more)


def built(pretext: str, backbone: str, **parameters: Any) -> PretextObjective[PretextTask]:
    torch.manual_seed(7)
    network = build(describe(choose_backbone(backbone)))
    form: Any = network.description
    channels, size = form["input"]["channels"], form["input"]["size"]
    example = torch.zeros(2, channels, size, size)
    return objective_of(task_of(pretext, **parameters).parameters, network, example, 6)


def test_the_declared_objective_is_one(pretext: str, backbone: str) -> None:
    objective = built(pretext, backbone)
    assert isinstance(objective, PretextObjective)
    assert any(parameter.requires_grad for parameter in objective.parameters())


def test_bits_depend_on_the_seed_alone_and_flags_are_true(pretext: str, backbone: str) -> None:
    first = trained(pretext, backbone)
    torch.manual_seed(123)
    torch.rand(7)
    again = trained(pretext, backbone)
    assert same_weights(first, again)
    assert first.curves == again.curves
    assert not same_weights(first, trained(pretext, backbone, seed=1))
    kind = PRETEXTS[pretext]
    assert (first.head is not None) == kind.makes_head
    assert (first.decoder is not None) == kind.makes_decoder


def test_a_killed_training_goes_on_to_the_same_bits(pretext: str, backbone: str) -> None:
    whole = trained(pretext, backbone)
    file = DiesInTheMiddle(most=3)
    with pytest.raises(KeyboardInterrupt):
        trained(pretext, backbone, progress=ResumeState(file, 0.0, share=math.inf))
    again = trained(pretext, backbone, progress=ResumeState(file, 600.0))
    assert same_weights(whole, again)
    assert whole.curves == again.curves


def test_the_number_of_processes_changes_no_bit(pretext: str, backbone: str) -> None:
    task: Any = task_of(pretext, accumulate=3, learning_rate=1e-3).parameters
    images = BatchLoader(FEW, describe(choose_backbone(backbone))["input"])
    labels = torch.from_numpy(FEW.labels)

    def new() -> PretextObjective[PretextTask]:
        return built(pretext, backbone, accumulate=3, learning_rate=1e-3)

    def run(objective: PretextObjective[PretextTask], group: ProcessGroup) -> Trained:
        return train(objective, images, labels, task, seed=3, kind="any", group=group)

    alone = new()
    curves = run(alone, SINGLE_PROCESS).curves
    for size in (2, 4):  # fewer than there are micro-batches, and more
        members = [new() for _ in range(size)]
        work: Callable[[ProcessGroup], Trained] = lambda group, m=members: run(  # type: ignore[misc]  # noqa: E731
            m[group.rank], group
        )
        assert as_team(size, work)[0].curves == curves
        for member in members:
            state = member.state_dict()
            assert all(torch.equal(state[name], one) for name, one in alone.state_dict().items())


def test_the_loss_falls(pretext: str, backbone: str) -> None:
    task = task_of(pretext, epochs=4, batch_size=32)
    checkpoint = pretrain(task, choose_backbone(backbone), CORPUS, 0)
    first, *later = [epoch["loss"] for epoch in checkpoint.curves]
    # Self-distillation predicts a target that moves: so short a training may rise again.
    objective = built(pretext, backbone)
    may_rise = objective.loss_may_rise or objective.loss_may_rise_again
    last = min(later) if may_rise else later[-1]
    assert last < first


def test_random_numbers_of_the_cpu_reach_the_device_of_the_images(
    pretext: str, backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU that is not there: torch computes shapes and devices only, and refuses to mix."""
    for module, function in ((mim, "block_mask"), (dinov2, "spread_masks")):
        draw_outside(monkeypatch, module, function)
    loss = loss_on_gpu(built(pretext, backbone))
    if loss is not None:  # else it depends on values before it is known
        assert loss.device.type == "cuda"
        assert loss.requires_grad
