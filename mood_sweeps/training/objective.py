"""The contract of an objective: a module that knows the loss of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn

from mood_sweeps.bank import Head

__all__ = ["Objective"]


class Objective(nn.Module, ABC):
    """Holds the network being trained and whatever it is trained with.

    Its parameters that require gradients at the start are what the training loop optimises. All
    that a step changes is a parameter or a buffer, so that ``state_dict`` holds the whole state
    and an interrupted training goes on from it. Buffers that ``forward`` moves move as averages
    over images do: parts of a batch start from the same, and move them by the mean.
    """

    loss_may_rise: ClassVar[bool] = False
    """Whether the loss of a network that learns may be above that of the untrained one."""
    loss_may_rise_again: ClassVar[bool] = False
    """Whether it may rise after it fell, as what is predicted changes meanwhile."""

    network: nn.Module

    @abstractmethod
    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the scalar loss of a batch: images float32 (N, C, S, S), labels int64 (N,).

        All randomness comes from ``generator``, which is the CPU's whatever the images are on.
        """

    def before_step(self, progress: float) -> None:
        """Get ready for a step; ``progress`` in [0, 1) is the share of steps done."""

    def after_step(self, progress: float) -> None:
        """Follow an optimiser step; ``progress`` in (0, 1] is the share of steps done."""

    def trained_network(self) -> nn.Module:
        """Return the network that is published after training, by default the one trained."""
        return self.network

    def trained_head(self) -> Head | None:
        """Return the linear head that was trained beside the network, or None."""
        return None
