"""An objective for fine-tuning with drop path and a moving average of the weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from mood_sweeps.bank import Head
from mood_sweeps.training.classifier import linear_head
from mood_sweeps.training.moving_average import average
from mood_sweeps.training.objective import Objective

__all__ = ["FinetuningObjective"]

_SEEDS = 2**63 - 1


class FinetuningObjective(Objective):
    """Wraps an objective: seeds drop path, and averages all that the objective trains.

    drops_paths: whether the network was built with drop path. ema: decay of the moving
    average at each step (Polyak & Juditsky 1992); 0 for no average.
    """

    def __init__(self, inner: Objective, *, drops_paths: bool, ema: float) -> None:
        super().__init__()
        self.inner = inner
        self.drops_paths, self.ema = drops_paths, ema
        self.averaged: nn.ModuleDict | None = None
        if ema:
            parts = nn.ModuleDict(dict(inner.named_children()))
            self.averaged = copy.deepcopy(parts).requires_grad_(False)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the inner objective's loss of a batch."""
        if self.drops_paths:
            # timm draws the blocks to skip from the global generator of the network's device.
            torch.manual_seed(int(torch.randint(_SEEDS, (), generator=generator)))
        loss: torch.Tensor = self.inner(images, labels, generator)
        return loss

    def before_step(self, progress: float) -> None:
        """Prepare the inner objective."""
        self.inner.before_step(progress)

    def after_step(self, progress: float) -> None:
        """Move the average towards the trained values."""
        self.inner.after_step(progress)
        if self.averaged is not None:
            for name, part in self.inner.named_children():
                average(self.averaged[name], part, self.ema)

    def published(self) -> Any:
        """Return the module with the network, head and maybe detector to publish."""
        return self.inner if self.averaged is None else self.averaged

    def trained_head(self) -> Head | None:
        """Return the head to publish, with its detector if there is one."""
        if self.averaged is None:
            return self.inner.trained_head()
        parts = (self.averaged[name] for name in ("head", "detector") if name in self.averaged)
        return linear_head(*(part for part in parts if isinstance(part, nn.Linear)))

    def trained_network(self) -> nn.Module:
        """Return the network to publish."""
        network: nn.Module = self.published().network
        return network
