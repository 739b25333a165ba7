"""Masked image modelling: hidden patches are predicted as pixels or as visual tokens (BEiT)."""

from __future__ import annotations

from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.methods.pretexts.mae.objective import normalised, unnormalised
from mood_sweeps.methods.pretexts.masked.encoding import encode_with_mask_token
from mood_sweeps.methods.pretexts.masked.masks import block_mask, patchify, random_mask
from mood_sweeps.methods.pretexts.masked.reconstruction import Reconstructing
from mood_sweeps.methods.pretexts.mim.declaration import Mim
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.training.augment.random_views import augment

__all__ = ["MimObjective", "masked_error"]


class MimObjective(Reconstructing[Mim]):
    """A ViT, a mask token and a linear decoder of each patch.

    tokens: computes the visual tokens of images; None if the target is pixels.
    """

    network: Any

    def __init__(
        self, task: Mim, network: Any, images: torch.Tensor, tokens: VisualTokens | None = None
    ) -> None:
        super().__init__()
        self.task, self.mask_ratio = task, task.mask_ratio
        self.network = network
        self.tokens = tokens
        self.patch = int(network.patch_embed.patch_size[0])
        with torch.no_grad():
            width = network.forward_features(images[:2]).shape[-1]
            embedded = network.patch_embed(images[:2]).shape[-1]
        self.mask_token = nn.Parameter(torch.empty(embedded))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        outputs = tokens.vocabulary if tokens is not None else self.patch**2 * images.shape[1]
        self.decoder = nn.Linear(width, outputs)

    @classmethod
    def of(
        cls,
        task: Mim,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del classes
        return cls(task, network, example, tokens)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean loss over hidden patches; labels are not used.

        It is the squared error of pixels, or the cross-entropy of tokens.
        """
        del labels
        (view,) = self.task.views()
        images = augment(images, view, generator, self.network.description["input"])
        hidden = self._mask(images, generator).to(images.device)
        if self.tokens is not None:
            # Logits over thousands of tokens: computed for hidden patches only.
            predicted = self.decoder(self._encode(images, hidden)[hidden])
            return F.cross_entropy(predicted, self.tokens(images)[hidden])
        targets = patchify(images, self.patch)
        if self.task.normalise:
            targets = normalised(targets)
        return masked_error(self.predict(images, hidden), targets, hidden)

    def _mask(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, _, height, width = images.shape
        rows, columns = height // self.patch, width // self.patch
        if self.task.mask == "random":
            return random_mask(count, rows * columns, self.task.mask_ratio, generator)
        return block_mask(count, (rows, columns), self.task.mask_ratio, generator)

    def predict(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return predictions of patches, (N, L, outputs), with ``hidden`` bool (N, L) masked."""
        predicted: torch.Tensor = self.decoder(self._encode(images, hidden))
        return predicted

    def pixels(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return predicted pixels; see `Reconstructing`.

        For tokens, the tokenizer decodes the likeliest token of each hidden patch and its own
        tokens of the visible patches.
        """
        predicted = self.predict(images, hidden)
        if self.tokens is not None:
            tokens = torch.where(hidden, predicted.argmax(dim=-1), self.tokens(images))
            return patchify(self.tokens.images(tokens), self.patch)
        return unnormalised(predicted, images, self.patch) if self.task.normalise else predicted

    def _encode(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        return encode_with_mask_token(self.network, images, hidden, self.mask_token)


def masked_error(
    predicted: torch.Tensor, targets: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    """Return the mean squared error over hidden patches: (N, L, P), (N, L, P), bool (N, L)."""
    error = (predicted - targets).square().mean(dim=-1)
    weight = hidden.to(error.dtype)
    return (error * weight).sum() / weight.sum()
