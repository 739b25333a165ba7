"""DINOv2: DINO, iBOT's loss on hidden patches, and KoLeo (Oquab et al. 2023, §4)."""

from __future__ import annotations

from typing import Any, Self

import torch
from lightly.loss import IBOTPatchLoss, KoLeoLoss
from torch import nn

from mood_sweeps.methods.pretexts.dino.objective import DinoObjective
from mood_sweeps.methods.pretexts.dinov2.declaration import DinoV2
from mood_sweeps.methods.pretexts.masked.encoding import tokens_with_mask_token
from mood_sweeps.methods.pretexts.masked.masks import block_mask
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.timm_networks import feature_width

__all__ = ["DinoV2Objective", "spread_masks"]


class DinoV2Objective(DinoObjective[DinoV2]):
    """DINO's student and teacher, a mask token, and heads for patches; losses are lightly's."""

    def __init__(self, task: DinoV2, network: Any, features: int, example: torch.Tensor) -> None:
        super().__init__(task, network, features)
        with torch.no_grad():
            embedded = network.patch_embed(example).shape[-1]
            width = network.forward_features(example).shape[-1]
        self.mask_token = nn.Parameter(torch.zeros(embedded))
        if task.shared_head:
            self.heads["patch"] = self.heads["image"]
            self.teacher_heads["patch"] = self.teacher_heads["image"]
        else:
            self._add_head("patch", width)
        self.patch_loss = IBOTPatchLoss(
            task.outputs,
            student_temp=task.student_temperature,
            center_momentum=task.center_momentum,
        )
        self.koleo = KoLeoLoss()

    @classmethod
    def of(
        cls,
        task: DinoV2,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del classes, tokens
        return cls(task, network, feature_width(network, example), example)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the sum of the three losses of a batch; labels are not used."""
        del labels
        task = self.task
        views = self.crops.global_crops(images, generator)
        grid = self.network.patch_embed.grid_size
        hidden = spread_masks(len(views), grid, task.masked_images, task.mask_ratio, generator)
        hidden = hidden.to(images.device)
        with torch.no_grad():
            tokens = self.teacher.forward_features(views)
            teacher_outputs = self.teacher_heads["image"](self.teacher.forward_head(tokens))
            patches = _patches(self.teacher, tokens)[hidden]
            teacher_patches = self.teacher_heads["patch"](patches)
        tokens = tokens_with_mask_token(self.network, views, hidden, self.mask_token)
        features = self.network.forward_head(tokens)
        student_patches = self.heads["patch"](_patches(self.network, tokens)[hidden])
        loss = self._distillation_loss(teacher_outputs, features, images, generator)
        with torch.autocast(images.device.type, enabled=False):
            patch_loss = self.patch_loss(
                teacher_patches.float(),
                student_patches.float(),
                hidden.view(-1, *grid),
                teacher_temp=self.temperature,
            )
            koleo_loss = sum(self.koleo(view) for view in features.float().chunk(2))
        total: torch.Tensor = loss + task.patch_weight * patch_loss + task.koleo_weight * koleo_loss
        return total


def spread_masks(
    count: int,
    grid: tuple[int, int],
    share: float,
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> torch.Tensor:
    """Return bool (count, rows·columns): which patches are hidden, none in most images.

    share: of the images that have hidden blocks, rounded down, but at least one image. ratio: range
    of the hidden share of patches: it is split into one equal part per such image, and each image's
    ratio is uniform in its part, as in the paper's code.
    """
    masked = max(1, int(share * count))
    part = torch.arange(masked) + torch.rand(masked, generator=generator)
    ratios = ratio[0] + (ratio[1] - ratio[0]) * part / masked
    hidden = torch.zeros(count, grid[0] * grid[1], dtype=torch.bool)
    chosen = torch.randperm(count, generator=generator)[:masked]
    hidden[chosen] = torch.cat([block_mask(1, grid, one, generator) for one in ratios.tolist()])
    return hidden


def _patches(network: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Return patch tokens (N, L, D), with the network's norm for its pooled feature."""
    patches: torch.Tensor = network.fc_norm(tokens[:, network.num_prefix_tokens :])
    return patches
