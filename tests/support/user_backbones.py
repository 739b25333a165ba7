"""A backbone of a user's own, as the text of a plugin file."""

from __future__ import annotations

__all__ = ["BACKBONE"]

BACKBONE = """\
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, stride=2)
        self.norm = nn.BatchNorm2d(width)
        self.linear = nn.Linear(width, 6)

    def forward(self, images):
        pixels = images.view(len(images), -1).view_as(images)  # no network of ours needs this
        return self.linear(self.norm(self.conv(pixels)).relu().mean(dim=(2, 3)))


@dataclass(frozen=True)
class Small:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "cnn"
    image_size: ClassVar[int] = 8
    channels: ClassVar[int] = 1
    mean: ClassVar[tuple[float, ...]] = (0.5,)
    std: ClassVar[tuple[float, ...]] = (0.25,)
    head: ClassVar[str] = "linear"
    width: int = 12

    def build(self):
        return Net(self.width)


BACKBONES = {"small": Small}
"""
