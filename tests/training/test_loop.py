from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from mood_sweeps.data.image_set import ImageArray
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.errors import StageFailed
from mood_sweeps.training.loop import Trained, learning_rate, train
from mood_sweeps.training.objective import Objective
from mood_sweeps.training.optimiser_step import Stepper
from mood_sweeps.training.recipe import Recipe
from mood_sweeps.training.resume_state import ResumeState, StateFile


class Toy(Objective):
    """Fits one linear layer; remembers what it was shown and when it was told of a step."""

    def __init__(self, poisoned_step: int | None = None) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1)
        nn.init.zeros_(self.network.weight)
        nn.init.zeros_(self.network.bias)
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


IMAGES = BatchLoader(
    ImageArray(
        np.linspace(0, 255, 10).astype(np.uint8).reshape(10, 1, 1, 1),
        np.zeros(10, np.int64),
        ("any",),
        tuple(map(str, range(10))),
    ),
    {"size": 1, "channels": 1, "mean": [0.5], "std": [0.5]},
)
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
    ).curves
    assert heard == curves
    assert [record["epoch"] for record in curves] == list(range(1, 21))
    assert all(record["extra"] == 1.0 and record["epochs"] == 20 for record in curves)
    assert curves[-1]["loss"] < 0.5 * curves[0]["loss"]


def test_a_loss_that_is_no_number_names_epoch_and_step() -> None:
    with pytest.raises(StageFailed, match="nan at epoch 2, step 2"):
        train(Toy(poisoned_step=4), IMAGES, LABELS, RECIPE, seed=0, kind="any")


def test_the_rate_rises_over_the_warm_up_and_falls_by_a_cosine() -> None:
    rates = [learning_rate(0.2, step, 100) for step in range(100)]
    assert all(a < b for a, b in pairwise(rates[:21]))
    assert rates[20] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert all(a > b for a, b in pairwise(rates[20:]))
    assert 0 < rates[-1] < 0.001


def test_the_rate_of_a_base_batch_grows_with_the_batch() -> None:
    scaled = Recipe(epochs=1, batch_size=4, base_batch_size=8, learning_rate=0.1, warmup=0.0)
    assert (
        trained(scaled).curves[0]["learning_rate"]
        == trained(dataclasses.replace(scaled, base_batch_size=None, learning_rate=0.05)).curves[0][
            "learning_rate"
        ]
    )


def test_accumulated_parts_give_the_step_of_the_whole_batch() -> None:
    whole, parts = Toy(), Toy()
    recipe = Recipe(epochs=2, batch_size=4, learning_rate=0.1)
    train(whole, IMAGES, LABELS, recipe, seed=0, kind="any")
    in_parts = dataclasses.replace(recipe, accumulate=2)
    train(parts, IMAGES, LABELS, in_parts, seed=0, kind="any")
    assert [len(batch) for batch in parts.seen] == [2] * 8
    torch.testing.assert_close(parts.network.weight, whole.network.weight)


def test_a_clipped_gradient_has_at_most_the_norm() -> None:
    toy = Toy()
    stepper = Stepper(toy, Recipe(clip=1e-3))
    stepper.step(IMAGES.take(torch.arange(4)), LABELS[:4] + 1000, torch.Generator(), 0.1)
    norms = [parameter.grad.norm() for parameter in toy.parameters() if parameter.grad is not None]
    assert torch.stack(norms).norm() == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_precision_is_what_matrix_products_are_computed_in(precision: str) -> None:
    toy = Toy()
    hidden: list[torch.dtype] = []
    toy.network.register_forward_hook(lambda _m, _i, out: hidden.append(out.dtype))
    recipe = Recipe(epochs=4, batch_size=5, learning_rate=0.1, precision=precision)  # type: ignore[arg-type]
    curves = train(toy, IMAGES, LABELS, recipe, seed=0, kind="any").curves
    assert set(hidden) == {{"bf16": torch.bfloat16, "fp16": torch.float16}[precision]}
    assert toy.network.weight.dtype == torch.float32
    assert curves[-1]["loss"] < curves[0]["loss"]


def test_how_it_went_is_measured() -> None:
    measured = trained(RECIPE).measured
    assert measured["images_per_second"] > 0
    assert measured["peak_memory_mb"] > 50


class InMemory:
    """Keeps the bytes of one training; ends it, as a kill would, after some keepings."""

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.writes = 0
        self.dies_after: int | None = None

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        if self.writes == self.dies_after:
            raise KeyboardInterrupt
        self.content = content
        self.writes += 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_training_killed_at_any_step_ends_with_the_same_bits(precision: str) -> None:
    recipe = Recipe(epochs=3, batch_size=4, learning_rate=0.1, precision=precision)  # type: ignore[arg-type]
    whole = Toy()
    curves = train(whole, IMAGES, LABELS, recipe, seed=0, kind="any").curves
    for moment in range(6):
        kept = InMemory()
        kept.dies_after = moment
        with pytest.raises(KeyboardInterrupt):
            train(
                Toy(),
                IMAGES,
                LABELS,
                recipe,
                seed=0,
                kind="any",
                progress=always(kept),
            )
        kept.dies_after = None
        toy = Toy()
        resumed = train(
            toy,
            IMAGES,
            LABELS,
            recipe,
            seed=0,
            kind="any",
            progress=always(kept),
        )
        assert resumed.curves == curves
        assert torch.equal(toy.network.weight, whole.network.weight)
        assert len(toy.seen) == 6 - moment


def test_what_was_kept_of_another_origin_or_is_no_state_is_not_taken_up() -> None:
    kept = InMemory()
    trained(RECIPE, ResumeState(kept, 0.0, {"checkpoint": "a"}, math.inf))
    assert ResumeState(kept, 0.0, {"checkpoint": "a"}, math.inf).last() is not None
    assert ResumeState(kept, 0.0, {"checkpoint": "b"}).last() is None
    kept.content = b"no state"
    assert ResumeState(kept).last() is None


def test_a_loss_that_is_no_number_says_where_the_last_good_state_is() -> None:
    with pytest.raises(StageFailed, match="no state was saved"):
        train(Toy(poisoned_step=4), IMAGES, LABELS, RECIPE, seed=0, kind="any")
    progress = always(InMemory())
    with pytest.raises(StageFailed, match=r"last good state is saved in .*InMemory"):
        train(Toy(poisoned_step=4), IMAGES, LABELS, RECIPE, seed=0, kind="any", progress=progress)
    state = progress.last()
    assert state is not None
    assert (state[1]["epoch"], state[1]["step"]) == (1, 1)


def always(kept: StateFile) -> ResumeState:
    return ResumeState(kept, 0.0, share=math.inf)


def trained(recipe: Recipe, progress: ResumeState | None = None) -> Trained:
    return train(Toy(), IMAGES, LABELS, recipe, seed=0, kind="any", progress=progress)
