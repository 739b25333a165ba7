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

    The training loop optimises the parameters that require gradients at the start. A step may
    change only parameters and buffers, so that ``state_dict`` holds the whole state and an
    interrupted training can resume from it. Buffers that ``forward`` changes must be averages over
    images: every micro-batch starts from the same buffers, and the mean of their changes counts.
    """

    loss_may_rise: ClassVar[bool] = False
    """Whether the loss of a network that learns may be above that of the untrained one."""
    loss_may_rise_again: ClassVar[bool] = False
    """Whether the loss may rise after it fell, because the targets change during training."""

    network: nn.Module

    @abstractmethod
    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the scalar loss of a batch: images float32 (N, C, S, S), labels int64 (N,).

        All randomness comes from ``generator``, a CPU generator whatever device the images are on.
        """

    def before_step(self, progress: float) -> None:
        """Prepare a step; ``progress`` in [0, 1) is the share of steps done."""

    def after_step(self, progress: float) -> None:
        """Act after an optimiser step; ``progress`` in (0, 1] is the share of steps done."""

    def trained_network(self) -> nn.Module:
        """Return the network to publish after training; by default the trained one."""
        return self.network

    def trained_head(self) -> Head | None:
        """Return the linear head that was trained beside the network, or None."""
        return None
