"""Mixup and CutMix: each image of a batch is mixed with another one, and so are their targets."""

from __future__ import annotations

import math

import numpy as np
import torch

__all__ = ["mixed"]

_SEEDS = 2**32


def mixed(
    images: torch.Tensor,
    targets: torch.Tensor,
    mixup: float,
    cutmix: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return λ · batch + (1 − λ) · the batch in reverse order, of images and of targets.

    images: (N, C, H, W). targets: (N, classes), probabilities. mixup, cutmix: α of λ ~ Beta(α, α),
    0 for never; with both, one of them is drawn for the batch. Mixup (Zhang et al. 2018) adds
    pixels; CutMix (Yun et al. 2019) pastes a box of 1 − λ of the area from the other image, and λ
    becomes the share of the area outside the box, which ends at the image's borders. One λ for the
    batch and the reverse order are as in timm and BEiT.
    """
    cuts = cutmix > 0 and (mixup == 0 or float(torch.rand((), generator=generator)) < 0.5)
    share = _beta(cutmix if cuts else mixup, generator)
    others = images.flip(0)
    if cuts:
        (top, bottom), (left, right) = (_span(side, share, generator) for side in images.shape[2:])
        result = images.clone()
        result[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / math.prod(images.shape[2:])
    else:
        result = images * share + others * (1 - share)
    return result, targets * share + targets.flip(0) * (1 - share)


def _span(side: int, share: float, generator: torch.Generator) -> tuple[int, int]:
    """Return where a box begins and ends along one side; its middle is anywhere in the image."""
    length = int(side * math.sqrt(1 - share))
    middle = int(torch.randint(side, (), generator=generator))
    return max(0, middle - length // 2), min(side, middle + (length + 1) // 2)


def _beta(alpha: float, generator: torch.Generator) -> float:
    # torch draws from a Beta distribution by its global generator only. RandomState's streams
    # never change (NEP 19).
    seed = int(torch.randint(_SEEDS, (), generator=generator))
    return float(np.random.RandomState(seed).beta(alpha, alpha))
