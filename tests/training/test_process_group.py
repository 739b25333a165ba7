"""A training that a team shares comes to the bits that one process alone comes to."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.errors import StageFailed
from mood_sweeps.internal_signals import MemberLost
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.finetunes.supervised_objective import FinetuningObjective
from mood_sweeps.methods.pretexts.classification.declaration import Classification
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.loop import Trained, train
from mood_sweeps.training.objective import Objective
from mood_sweeps.training.process_group import (
    SINGLE_PROCESS,
    ConnectedProcessGroup,
    ProcessGroup,
    Rendezvous,
    SingleProcess,
)
from mood_sweeps.training.recipe import Recipe
from mood_sweeps.training.resume_state import ResumeState
from tests.support.killed_training import DiesInTheMiddle
from tests.support.threaded_process_group import HERE, as_team

pytestmark = pytest.mark.usefixtures("one_thread")

CORPUS = image_set("digits:0-5").open("train").take(torch.arange(50).numpy())
LABELS = torch.from_numpy(CORPUS.labels)
EPOCHS, BATCH = 2, 24


class Objectives:
    """Equal objectives of one task, one for every member."""

    def __init__(self, pretext: str, backbone: str, **changed: Any) -> None:
        asked = {"epochs": EPOCHS, "batch_size": BATCH, **changed}
        self.task: Any = choose({pretext: asked}, PRETEXTS, "pretext").parameters
        self.architecture = describe(choose_backbone(backbone))
        self.images = BatchLoader(CORPUS, self.architecture["input"])

    def new(self) -> Objective:
        torch.manual_seed(7)
        example = self.images.take(torch.arange(2))
        objective = objective_of(self.task, build(self.architecture), example, 6)
        if not isinstance(self.task, Classification):
            return objective
        # As fine-tuning does: an average of everything, with its BatchNorms.
        return FinetuningObjective(objective, drops_paths=False, ema=0.9)

    def train(
        self, objective: Objective, group: ProcessGroup, progress: ResumeState | None = None
    ) -> Trained:
        return train(
            objective,
            self.images,
            LABELS,
            self.task,
            seed=3,
            kind="any",
            progress=progress,
            group=group,
        )


def same_state(first: Objective, second: Objective) -> bool:
    states = first.state_dict(), second.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(states[0][name], states[1][name]) for name in states[0]
    )


@pytest.mark.parametrize(
    ("pretext", "backbone"), [("dino", "vit_nano"), ("classification", "resnet_nano")]
)
def test_a_batch_that_is_in_no_parts_is_the_same_for_a_team(pretext: str, backbone: str) -> None:
    objectives = Objectives(pretext, backbone, accumulate=3, batch_size=3 * BATCH)  # of 50 images
    alone, *members = [objectives.new() for _ in range(3)]
    curves = objectives.train(alone, SINGLE_PROCESS).curves
    trained = as_team(2, lambda group: objectives.train(members[group.rank], group))
    assert all(one.curves == curves for one in trained)
    assert all(same_state(member, alone) for member in members)


class Linear(Objective):
    """One product, of images as they lie in memory."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(49, 6))

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        del generator
        return torch.nn.functional.cross_entropy(self.network(images), labels)


def test_where_in_memory_a_part_lies_changes_no_bit() -> None:
    images = BatchLoader(CORPUS, {**FORM, "size": 7})  # of 196 bytes: most begin between two blocks
    recipe = Recipe(epochs=EPOCHS, batch_size=15, accumulate=5)
    alone, *members = [Linear() for _ in range(3)]

    def go(objective: Objective, group: ProcessGroup) -> Trained:
        return train(objective, images, LABELS, recipe, seed=0, kind="any", group=group)

    go(alone, SINGLE_PROCESS)
    as_team(2, lambda group: go(members[group.rank], group))
    assert all(same_state(member, alone) for member in members)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_scaled_alike_by_all(precision: str) -> None:
    objectives = Objectives("mae", "vit_nano", accumulate=2, precision=precision, clip=0.1)
    alone, *members = [objectives.new() for _ in range(4)]
    objectives.train(alone, SINGLE_PROCESS)
    as_team(3, lambda group: objectives.train(members[group.rank], group))  # one has no part
    assert all(same_state(member, alone) for member in members)


def test_a_state_is_taken_up_by_a_team_of_another_size() -> None:
    objectives = Objectives("dino", "vit_nano", accumulate=3)
    alone = objectives.new()
    whole = objectives.train(alone, SINGLE_PROCESS)
    kept = DiesInTheMiddle(most=2)

    def die(group: ProcessGroup) -> None:
        progress = ResumeState(kept, 0.0, share=math.inf) if group.rank == 0 else ResumeState()
        objectives.train(begun[group.rank], group, progress)

    begun = [objectives.new() for _ in range(3)]
    with pytest.raises((KeyboardInterrupt, MemberLost)):
        as_team(3, die)
    assert kept.content is not None
    members = [objectives.new() for _ in range(2)]
    again = as_team(
        2, lambda group: objectives.train(members[group.rank], group, ResumeState(kept, 600.0))
    )
    assert again[0].curves == whole.curves
    assert all(same_state(member, alone) for member in members)


def test_members_with_different_states_do_not_begin() -> None:
    objectives = Objectives("mae", "vit_nano", accumulate=2)
    kept = DiesInTheMiddle(most=1)
    with pytest.raises(KeyboardInterrupt):
        objectives.train(objectives.new(), SINGLE_PROCESS, ResumeState(kept, 0.0, share=math.inf))
    members = [objectives.new() for _ in range(2)]

    def go_on(group: ProcessGroup) -> Trained:
        mine = ResumeState(kept, 600.0) if group.rank == 0 else ResumeState()
        return objectives.train(members[group.rank], group, mine)

    with pytest.raises(MemberLost, match="different states"):
        as_team(2, go_on)


def test_a_loss_that_is_not_finite_ends_it_for_all() -> None:
    objectives = Objectives("classification", "resnet_nano", accumulate=2)
    members = [objectives.new() for _ in range(2)]
    torch.nn.init.constant_(members[1].inner.head.weight, math.nan)  # type: ignore[union-attr,arg-type]
    said = []

    def fail(group: ProcessGroup) -> None:
        with pytest.raises(StageFailed) as failed:
            objectives.train(members[group.rank], group)
        said.append(str(failed.value))

    as_team(2, fail)
    assert said == ["the loss is nan at epoch 1, step 1; no state was saved before it"] * 2


def test_who_is_left_learns_that_another_is_gone() -> None:
    objectives = Objectives("mae", "vit_nano", accumulate=2)

    def go(group: ProcessGroup) -> None:
        if group.rank == 1:
            return  # and so leaves
        with pytest.raises(MemberLost, match="gone"):
            objectives.train(objectives.new(), group)

    as_team(2, go)


class Counting(Objective):
    """One weight; a buffer that moves as BatchNorm's mean, another that counts, one that stays."""

    def __init__(self) -> None:
        super().__init__()
        self.network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(self.network.weight)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("count", torch.tensor(5))
        self.register_buffer("mask", torch.tensor([-math.inf, 0.0]))
        self.drawn: list[float] = []

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        self.drawn.append(torch.rand((), generator=generator).item())
        self.mean = 0.5 * self.mean + 0.5 * images.mean()
        self.count += 1
        return (self.network(images.flatten(1)).squeeze(1) * labels).mean()


def test_buffers_move_by_the_mean_of_the_parts() -> None:
    images = BatchLoader(CORPUS.take(torch.arange(4).numpy()), {**FORM, "size": 1})
    values = images.take(torch.arange(4)).flatten().tolist()
    labels = torch.tensor([1, 2, 3, 4])
    recipe = Recipe(epochs=1, batch_size=4, accumulate=2, learning_rate=1e-9)
    objective = Counting()
    train(objective, images, labels, recipe, seed=0, kind="any")
    # Each of two parts moves the mean halfway to its own two images' mean, from 0.
    assert float(objective.mean) == pytest.approx(sum(values) / 4 / 2, rel=1e-6)
    assert int(objective.count) == 6
    assert objective.mask.tolist() == [-math.inf, 0.0]
    assert len(set(objective.drawn)) == 2


class Overheard(SingleProcess):
    """A team of one that notes how much it would send, and of what type."""

    def __init__(self) -> None:
        self.sent: list[tuple[torch.dtype, int]] = []

    def gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        self.sent.append((mine.dtype, mine.numel()))
        return super().gather(mine)


def test_what_moved_travels_together_and_nothing_else_does() -> None:
    objectives = Objectives("classification", "resnet_nano", accumulate=2, epochs=1)
    group, objective = Overheard(), objectives.new()
    objectives.train(objective, group)
    inner: Any = objective.inner
    buffers = list(inner.buffers())
    floats = sum(one.numel() for one in [*inner.parameters(), *buffers] if one.ndim > 0)
    counts = sum(one.ndim == 0 for one in buffers)
    _agreed, _header, *part = group.sent[:4]
    assert part == [(torch.float32, floats), (torch.int64, counts)]
    assert len(group.sent) == 1 + 2 * (len(CORPUS) // BATCH) * 3


FORM = {"size": 1, "channels": 1, "mean": [0.5], "std": [0.5]}


def test_a_meeting_is_at_a_free_port_and_knows_who_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from datetime import timedelta

    from mood_sweeps.training import process_group as group

    monkeypatch.setattr(group, "_RENDEZVOUS_TIMEOUT", timedelta(seconds=0.5))
    first, second = Rendezvous(HERE), Rendezvous(HERE)
    assert first.address[1] != second.address[1]
    with pytest.raises(MemberLost, match="did not come together"):
        ConnectedProcessGroup(first, 0, 2, HERE, torch.device("cpu"))
