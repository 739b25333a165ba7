"""Visual tokens by a trained tokenizer, for images that are normalised for a backbone."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.methods.tokenizers.dvae_network import build_tokenizer

__all__ = ["VisualTokens"]


class VisualTokens(nn.Module):
    """A frozen tokenizer.

    architecture: the tokenizer's description; the caller loads its weights into ``network``. form:
    the ``input`` part of the backbone's description; its mean and std differ from the tokenizer's.
    """

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, architecture: dict[str, Any], form: dict[str, Any]) -> None:
        super().__init__()
        self.network = build_tokenizer(architecture)
        self.network.requires_grad_(False)
        self.vocabulary = self.network.logits.out_channels
        own = architecture["input"]
        mean, std, own_mean, own_std = (
            torch.tensor(values).view(-1, 1, 1)
            for values in (form["mean"], form["std"], own["mean"], own["std"])
        )
        self.register_buffer("scale", std / own_std)
        self.register_buffer("shift", (mean - own_mean) / own_std)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return tokens int64 (N, L), patches row by row, of images float32 (N, C, S, S)."""
        # Targets must not depend on the precision of the backbone.
        with torch.autocast(images.device.type, enabled=False):
            return self.network.tokens(images.float() * self.scale + self.shift)

    def images(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return images (N, C, S, S), normalised for the backbone, of tokens int64 (N, L)."""
        side = math.isqrt(tokens.shape[1])
        weights = F.one_hot(tokens.view(-1, side, side), self.vocabulary).to(self.scale.dtype)
        return (self.network.decode(weights) - self.shift) / self.scale
