"""The network of a discrete VAE: patches → logits over tokens; tokens → patches."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

__all__ = ["DiscreteVae", "build_tokenizer", "describe_tokenizer"]


class DiscreteVae(nn.Module):
    """Encoder, codebook and decoder; works on any image of whole patches.

    No layer normalises over a batch, so an image's tokens do not depend on the other images.
    """

    def __init__(
        self, *, channels: int, patch_size: int, vocabulary: int, width: int, blocks: int
    ) -> None:
        super().__init__()
        self.cut = nn.Conv2d(channels, width, patch_size, stride=patch_size)
        self.encoder = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.logits = nn.Conv2d(width, vocabulary, 1)
        self.codebook = nn.Embedding(vocabulary, width)
        self.decoder = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.paste = nn.ConvTranspose2d(width, channels, patch_size, stride=patch_size)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N, rows, columns, vocabulary) of images float32 (N, C, S, S)."""
        logits: torch.Tensor = self.logits(self.encoder(self.cut(images)))
        return logits.permute(0, 2, 3, 1)

    def decode(self, weights: torch.Tensor) -> torch.Tensor:
        """Return images (N, C, S, S) of weights over tokens (N, rows, columns, vocabulary)."""
        entries = weights @ self.codebook.weight
        images: torch.Tensor = self.paste(self.decoder(entries.permute(0, 3, 1, 2)))
        return images

    @torch.no_grad()
    def tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Return the likeliest token of each patch, int64 (N, rows·columns), row by row."""
        return self.encode(images).argmax(dim=-1).flatten(1)


class _Block(nn.Module):
    """A residual block: a patch's output depends on the neighbouring patches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(width, width, 3, padding=1)
        self.own = nn.Conv2d(width, width, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner: torch.Tensor = self.own(F.gelu(self.near(F.gelu(maps))))
        return maps + inner


def describe_tokenizer(**dvae: int) -> dict[str, Any]:
    """Return the description of a tokenizer: plain data, what `build_tokenizer` needs.

    dvae: the arguments of `DiscreteVae`. Its input has pixels in [-1, 1], for any backbone.
    """
    half = [0.5] * dvae["channels"]
    return {"dvae": dvae, "input": {"channels": dvae["channels"], "mean": half, "std": half}}


def build_tokenizer(architecture: dict[str, Any]) -> DiscreteVae:
    """Return the network of a tokenizer's description, freshly initialised."""
    return DiscreteVae(**architecture["dvae"])
