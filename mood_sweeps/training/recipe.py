"""The part of training that all pretext tasks and fine-tuning stages share, and its presets."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from mood_sweeps.choice import Count, Fraction, Positive
from mood_sweeps.errors import InputError

__all__ = ["Presets", "Recipe"]

Presets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """AdamW with linear warm-up, then a cosine down to zero.

    preset: the source of parameters that the experiment file leaves out. ``nano``: the defaults
    below, for 8×8 images and minutes on a CPU; ``paper``: the values of the task's paper; ``auto``:
    nano for the nano backbones, paper for all others.

    epochs: passes over the images. batch_size: images per optimiser step. learning_rate: the peak;
    with base_batch_size it is the peak for batches of that size, and grows in proportion to the
    batch (Goyal et al. 2017). weight_decay: decoupled, on matrices only. beta2: AdamW's second
    decay rate. warmup: share of all steps spent rising from zero. clip: largest norm of the
    gradient, which is scaled down to it.
    accumulate: micro-batches in a batch; their gradients are summed in order, and several workers
    may share them. Every micro-batch has its own random numbers, and BatchNorm and
    contrastive losses see one micro-batch at a time, so it changes the results. precision: of
    matrix products (bf16 and fp16 by automatic mixed precision); never taken from the hardware.
    compile: whether torch compiles the network's blocks, which reorders sums; it needs a C++
    compiler on the worker.
    """

    presets: ClassVar[Presets] = {}
    presets_of_vits: ClassVar[tuple[str, ...]] = ()
    """Parameters that a preset decides for ViTs only."""

    preset: Literal["auto", "nano", "paper"] = "auto"
    epochs: Count = 30
    batch_size: Count = 32
    learning_rate: Positive = 3e-3
    base_batch_size: Count | None = None
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    beta2: Fraction = 0.999
    warmup: Fraction = 0.1
    clip: Positive | None = None
    accumulate: Count = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False

    def __post_init__(self) -> None:
        if self.batch_size % self.accumulate:
            raise InputError(
                f"batch_size ({self.batch_size}) must be a multiple of accumulate "
                f"({self.accumulate})"
            )

    @property
    def n_epochs(self) -> int:
        """Epochs of the training."""
        return self.epochs

    @property
    def n_micro_batches(self) -> int:
        """Micro-batches in a batch, which several workers may share."""
        return self.accumulate

    def with_preset(self, given: Collection[str], *, is_nano: bool, family: str = "vit") -> Self:
        """Return the recipe with the parameters that its preset decides for a backbone.

        given: names of the parameters in the experiment file, which keep their values. is_nano:
        whether the backbone is a nano one. family: the backbone's; see ``presets_of_vits``.
        """
        preset = self.preset
        if preset == "auto":
            preset = "nano" if is_nano else "paper"
        values = self.presets.get(preset, {})
        unchanged = {*given, *(() if family == "vit" else self.presets_of_vits)}
        filled = {name: value for name, value in values.items() if name not in unchanged}
        return dataclasses.replace(self, preset="auto", **filled)
