"""Encoding an image with hidden patches by a ViT: with mask tokens, or without hidden patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["encode_visible", "encode_with_mask_token", "tokens_with_mask_token"]


def encode_with_mask_token(
    network: Any, images: torch.Tensor, hidden: torch.Tensor, mask_token: torch.Tensor
) -> torch.Tensor:
    """Return the tokens (N, L, D) of all patches, with hidden ones replaced by ``mask_token``.

    As `tokens_with_mask_token`, without the prefix tokens.
    """
    tokens = tokens_with_mask_token(network, images, hidden, mask_token)
    return tokens[:, network.num_prefix_tokens :]


def tokens_with_mask_token(
    network: Any, images: torch.Tensor, hidden: torch.Tensor, mask_token: torch.Tensor
) -> torch.Tensor:
    """Return all tokens (N, P+L, D), with hidden patches replaced by ``mask_token``.

    images: float32 (N, C, S, S). hidden: bool (N, L). mask_token: (D,), it replaces a hidden
    patch's embedding right after ``patch_embed``, before positions are added; so this works for any
    ViT of timm, whatever it adds later.
    """

    def hide(tokens: torch.Tensor) -> torch.Tensor:
        # Some ViTs keep patches as a map (N, H, W, D) until positions are added.
        return torch.where(hidden.view(*tokens.shape[:-1], 1), mask_token, tokens)

    return _features_with(hide, network, network.patch_embed, images)


def encode_visible(network: Any, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Return the tokens (N, P+V, D) of P prefix tokens and V visible patches.

    images: float32 (N, C, S, S). hidden: bool (N, L), the same number in every row. Visible
    patches keep their order. Hidden patches are removed at timm's patch dropout: after positions
    were added, before the first block. So this works for ViTs with a patch dropout and with blocks
    that use no positions (``can_drop_patches``).
    """
    prefix = network.num_prefix_tokens

    def drop(tokens: torch.Tensor) -> torch.Tensor:
        visible = tokens[:, prefix:][~hidden].view(len(tokens), -1, tokens.shape[2])
        return torch.cat([tokens[:, :prefix], visible], dim=1)

    return _features_with(drop, network, network.patch_drop, images)


def _features_with(
    change: Callable[[torch.Tensor], torch.Tensor],
    network: Any,
    module: nn.Module,
    images: torch.Tensor,
) -> torch.Tensor:
    """Return all tokens of a network after ``change`` of the output of ``module``."""
    handle = module.register_forward_hook(lambda _module, _inputs, output: change(output))
    try:
        tokens: torch.Tensor = network.forward_features(images)
    finally:
        handle.remove()
    return tokens
