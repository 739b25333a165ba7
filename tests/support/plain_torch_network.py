"""The plain network of `scorer_cases` once more, as torch modules in double precision.

Two blocks and a classifier, `features` in between: what pytorch-ood's detectors and autograd take.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mood_sweeps.bank import FeatureBank, Head


class Spread(nn.Module):
    """The first block: twice every pixel, at the first or second of two positions."""

    def forward(self, images: Tensor) -> Tensor:
        pixels = 2 * images.flatten(1)
        second = (torch.arange(pixels.shape[1]) // 2) % 2 == 1
        return torch.stack([pixels * ~second, pixels * second], dim=2).unsqueeze(2)


class Double(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return 2 * maps


class Classifier(nn.Module):
    """Mean over positions, halved; logits of it."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.weight = torch.from_numpy(head.weight).double()
        self.bias = torch.from_numpy(head.bias).double()

    def features(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3)) / 2

    def forward(self, maps: Tensor) -> Tensor:
        return self.features(maps) @ self.weight.T + self.bias


class PlainTorch(nn.Module):
    def __init__(self, head: Head) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Spread(), Double())
        self.classifier = Classifier(head)

    def features(self, images: Tensor) -> Tensor:
        return self.classifier.features(self.blocks(images))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.blocks(images))
        return logits


def images_of(bank: FeatureBank) -> Tensor:
    """Return the images (N, 1, 1, D) behind a bank, in double precision."""
    assert bank.inputs is not None
    return torch.from_numpy(bank.inputs[:]).double()


@contextmanager
def double_precision() -> Iterator[None]:
    """pytorch-ood makes its matrices in torch's default precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
