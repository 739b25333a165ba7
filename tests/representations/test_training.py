from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from mood_sweeps.errors import StageFailed
from mood_sweeps.representations.objectives.objective import Objective
from mood_sweeps.representations.recipe import Recipe
from mood_sweeps.representations.training import learning_rate, train


class Toy(Objective):
    """Fits one linear layer; remembers what it was shown and when it was told of a step."""

    def __init__(self, poisoned_step: int | None = None) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1)
        nn.init.zeros_(self.network.weight)
        self.poisoned_step = poisoned_step
        self.seen: list[list[float]] = []
        self.progress: list[float] = []

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        generator: torch.Generator,  # noqa: ARG002
    ) -> torch.Tensor:
        self.seen.append(sorted(images.flatten().tolist()))
        loss = (self.network(images.flatten(1)).squeeze(1) - labels).square().mean()
        return loss * math.nan if len(self.seen) == self.poisoned_step else loss

    def after_step(self, progress: float) -> None:
        self.progress.append(progress)


IMAGES = torch.linspace(-1, 1, 10).view(10, 1, 1, 1)
LABELS = torch.tensor([0] * 5 + [1] * 5)
RECIPE = Recipe(epochs=3, batch_size=4, learning_rate=0.1)


def test_each_epoch_shows_whole_batches_without_repeats_in_a_new_order() -> None:
    toy = Toy()
    train(toy, IMAGES, LABELS, RECIPE, seed=0, kind="any")
    assert [len(batch) for batch in toy.seen] == [4] * 6
    epochs = [toy.seen[i] + toy.seen[i + 1] for i in (0, 2, 4)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert toy.progress == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0])


def test_fewer_images_than_a_batch_make_one_batch() -> None:
    toy = Toy()
    train(toy, IMAGES, LABELS, Recipe(epochs=1, batch_size=64), seed=0, kind="any")
    assert [len(batch) for batch in toy.seen] == [10]


def test_curves_are_heard_as_they_grow_and_the_loss_falls() -> None:
    heard: list[dict[str, float]] = []
    recipe = Recipe(epochs=20, batch_size=5, learning_rate=0.05)
    curves = train(
        Toy(),
        IMAGES,
        LABELS,
        recipe,
        seed=0,
        kind="any",
        listener=heard.append,
        measure=lambda: {"extra": 1.0},
    )
    assert heard == curves
    assert [record["epoch"] for record in curves] == list(range(1, 21))
    assert all(record["extra"] == 1.0 and record["epochs"] == 20 for record in curves)
    assert curves[-1]["loss"] < 0.5 * curves[0]["loss"]


def test_a_loss_that_is_no_number_names_epoch_and_step() -> None:
    with pytest.raises(StageFailed, match="nan at epoch 2, step 2"):
        train(Toy(poisoned_step=4), IMAGES, LABELS, RECIPE, seed=0, kind="any")


def test_the_rate_rises_over_the_warm_up_and_falls_by_a_cosine() -> None:
    recipe = Recipe(learning_rate=1.0, warmup=0.2)
    rates = [learning_rate(recipe, step, 100) for step in range(100)]
    assert all(a < b for a, b in pairwise(rates[:21]))
    assert rates[20] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert all(a > b for a, b in pairwise(rates[20:]))
    assert 0 < rates[-1] < 0.001
