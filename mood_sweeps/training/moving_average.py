"""Moving averages: a network that follows the weights of another one."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["average", "follow", "rising_momentum"]


def rising_momentum(start: float, progress: float) -> float:
    """Return the momentum at a share of all steps: from ``start`` to 1 by a cosine."""
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2


@torch.no_grad()
def follow(follower: nn.Module, leader: nn.Module, momentum: float) -> None:
    """Move the parameters of ``follower`` towards those of ``leader`` by 1 - momentum.

    Buffers stay: a follower with BatchNorm computes its own statistics.
    """
    for behind, ahead in zip(follower.parameters(), leader.parameters(), strict=True):
        behind.lerp_(ahead, 1 - momentum)


@torch.no_grad()
def average(follower: nn.Module, leader: nn.Module, momentum: float) -> None:
    """Move parameters and statistics of ``follower`` towards those of ``leader`` by 1 - momentum.

    For a follower that receives no images: its BatchNorms can only average the leader's statistics.
    Integer buffers (counters) are copied.
    """
    follow(follower, leader, momentum)
    for behind, ahead in zip(follower.buffers(), leader.buffers(), strict=True):
        if behind.is_floating_point():
            behind.lerp_(ahead, 1 - momentum)
        else:
            behind.copy_(ahead)
