"""Masked autoencoding: a decoder predicts hidden patches from the encoded visible ones."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import nn

from mood_sweeps.methods.pretexts.mae.declaration import Mae
from mood_sweeps.methods.pretexts.masked.encoding import encode_visible
from mood_sweeps.methods.pretexts.masked.masks import patchify, random_mask
from mood_sweeps.methods.pretexts.masked.reconstruction import Reconstructing
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.position_embeddings import sincos_positions
from mood_sweeps.training.augment.random_views import augment

__all__ = ["MaeDecoder", "MaeObjective", "normalised", "unnormalised"]


class MaeObjective(Reconstructing[Mae]):
    """A ViT that sees the visible patches only, and the decoder (He et al. 2022, §3)."""

    network: Any

    def __init__(self, task: Mae, network: Any, images: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.task, self.mask_ratio = task, task.mask_ratio
        self.patch = int(network.patch_embed.patch_size[0])
        channels, side = images.shape[1], images.shape[-1] // self.patch
        self.decoder = MaeDecoder(
            network.num_features,
            self.patch**2 * channels,
            side,
            network.num_prefix_tokens,
            width=task.decoder_width,
            depth=task.decoder_depth,
            heads=task.decoder_heads,
        )

    @classmethod
    def of(
        cls,
        task: Mae,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del classes, tokens
        return cls(task, network, example)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean squared error over hidden patches; labels are not used."""
        del labels
        (view,) = self.task.views()
        images = augment(images, view, generator, self.network.description["input"])
        targets = patchify(images, self.patch)
        if self.task.normalise:
            targets = normalised(targets)
        hidden = random_mask(len(images), targets.shape[1], self.task.mask_ratio, generator)
        hidden = hidden.to(images.device)
        return (self.predict(images, hidden) - targets).square()[hidden].mean()

    def pixels(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return predicted pixels; see `Reconstructing`."""
        predicted = self.predict(images, hidden)
        return unnormalised(predicted, images, self.patch) if self.task.normalise else predicted

    def predict(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return predicted patches (N, L, patch²·C) with ``hidden`` bool (N, L) not encoded.

        Every row hides the same number. If targets are normalised, so are predictions.
        """
        predicted: torch.Tensor = self.decoder(encode_visible(self.network, images, hidden), hidden)
        return predicted


class MaeDecoder(nn.Module):
    """A small transformer: encoded visible patches and mask tokens → the pixels of all patches.

    inputs: width of the encoder's tokens. outputs: values of a patch. side: patches along a side of
    the image. prefix: number of tokens before the patches, without positions. Positions are fixed
    sines.
    """

    positions: torch.Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        side: int,
        prefix: int,
        *,
        width: int,
        depth: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.prefix = prefix
        self.embed = nn.Linear(inputs, width)
        self.mask_token = nn.Parameter(torch.empty(width))
        self.register_buffer("positions", sincos_positions(side, width), persistent=False)
        blocks = [
            nn.TransformerEncoderLayer(
                width,
                heads,
                4 * width,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        ]
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.predict = nn.Linear(width, outputs)
        self.apply(_xavier)
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def forward(self, encoded: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return (N, L, outputs) from encoded (N, prefix+V, inputs) and ``hidden`` bool (N, L)."""
        tokens = self.embed(encoded)
        patches = self.mask_token.to(tokens.dtype).expand(*hidden.shape, -1)
        patches = patches.masked_scatter(~hidden[..., None], tokens[:, self.prefix :])
        decoded = self.blocks(torch.cat([tokens[:, : self.prefix], patches + self.positions], 1))
        predicted: torch.Tensor = self.predict(decoded[:, self.prefix :])
        return predicted


def normalised(patches: torch.Tensor) -> torch.Tensor:
    """Return patches (N, L, P), each with mean 0 and variance 1; flat ones become 0 (paper, §3).

    10⁻⁶ is added to the variance, as in the authors' code.
    """
    mean = patches.mean(dim=-1, keepdim=True)
    variance = patches.var(dim=-1, keepdim=True, correction=0)
    return (patches - mean) / (variance + 1e-6).sqrt()


def unnormalised(patches: torch.Tensor, images: torch.Tensor, patch: int) -> torch.Tensor:
    """Return normalised predictions (N, L, P) with the mean and deviation of the images' patches.

    The decoder does not predict these two, so reconstructions use those of the true patch.
    """
    true = patchify(images, patch)
    mean = true.mean(dim=-1, keepdim=True)
    variance = true.var(dim=-1, keepdim=True, correction=0)
    return patches * (variance + 1e-6).sqrt() + mean


def _xavier(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
