"""SSOD: a detector of OOD learnt from the background patches of ID images."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.bank import Head
from mood_sweeps.methods.finetunes.ssod.declaration import SSOD
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.methods.finetunes.train_supervised import train_supervised
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.augment.random_views import random_view
from mood_sweeps.training.classifier import linear_head, new_head
from mood_sweeps.training.objective import Objective

__all__ = [
    "SSODObjective",
    "confidence_in",
    "detector_loss",
    "pooled_and_positions",
    "split_by_confidence",
    "split_patches",
    "train",
]


def train(inputs: FinetuneInputs[SSOD]) -> Checkpoint:
    """Return the checkpoint after training classifier and detector together."""
    task = inputs.parameters
    return train_supervised(
        inputs,
        lambda network, width, classes: SSODObjective(
            network,
            width,
            classes,
            alpha=task.alpha,
            gamma=task.gamma,
            smoothing=task.label_smoothing,
        ),
    )


class SSODObjective(Objective):
    """Network, classifier and a linear detector beside it, trained together (SSOD, Eq. 9 and 11).

    The classifier predicts every position of the last feature map, without gradient. Where it is
    confident of the image's class, the patch is ID; where it is confident of the opposite, the
    patch is background and serves as OOD. L = CE(classifier(pooled), y) + α · (mean BCE over ID
    patches + mean BCE over OOD patches); α = 0 is plain classification.
    """

    # At the start no patch counts as ID or OOD: the detector's loss is 0 and rises later.
    loss_may_rise: ClassVar[bool] = True

    network: Any

    def __init__(
        self,
        network: Any,
        features: int,
        classes: int,
        *,
        alpha: float,
        gamma: float,
        smoothing: float,
    ) -> None:
        super().__init__()
        self.network = network
        self.head = new_head(features, classes)
        self.detector = new_head(features, 1)
        self.alpha, self.gamma, self.smoothing = alpha, gamma, smoothing

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean loss of a batch: images (N, C, S, S), labels int64 (N,)."""
        pooled, positions = pooled_and_positions(self.network, random_view(images, generator))
        loss = F.cross_entropy(self.head(pooled), labels, label_smoothing=self.smoothing)
        if self.alpha == 0:
            return loss
        with torch.no_grad():
            is_id, is_ood = split_patches(self.head(positions), labels, self.gamma)
        return loss + self.alpha * detector_loss(self.detector(positions)[..., 0], is_id, is_ood)

    def trained_head(self) -> Head:
        """Return the classifier with the detector."""
        return linear_head(self.head, self.detector)


def pooled_and_positions(network: Any, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pooled features (N, D) and those of every position of the last map (N, P, D).

    Positions are normalised as the pooled features are, so that one classifier works on both.
    """
    last = network.forward_features(images)
    pooled = network.forward_head(last, pre_logits=True)
    if last.ndim == 4:
        return pooled, last.flatten(2).transpose(1, 2)
    return pooled, network.fc_norm(last[:, network.num_prefix_tokens :])


def split_patches(
    logits: torch.Tensor, labels: torch.Tensor, gamma: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which patches count as ID and which as OOD, bool (N, P) each; others are neither.

    logits: of the classifier at every position, (N, P, C). labels: int64 (N,), of the images.
    gamma: a patch is ID from this confidence in the image's class on, and OOD up to 1 − gamma.
    """
    return split_by_confidence(confidence_in(logits, labels), gamma)


def confidence_in(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the softmax (N, P) of each image's class at every position; see `split_patches`."""
    confidence = F.softmax(logits.float(), dim=-1)
    return confidence.take_along_dim(labels.view(-1, 1, 1), dim=-1)[..., 0]


def split_by_confidence(own: torch.Tensor, gamma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which patches are ID and which OOD, by confidences (N, P) in the image's class."""
    is_id = own >= gamma
    return is_id, (own <= 1 - gamma) & ~is_id


def detector_loss(
    detected: torch.Tensor, is_id: torch.Tensor, is_ood: torch.Tensor
) -> torch.Tensor:
    """Return the mean BCE over ID patches plus that over OOD patches; 0 for an empty side.

    detected: the detector's output before the sigmoid, (N, P); high = ID. Each side has its own
    mean, since background patches are many times as frequent.
    """
    nothing = detected.sum() * 0  # keeps the gradient defined if both sides are empty
    as_id, as_ood = detected[is_id], detected[is_ood]
    id_loss = F.softplus(-as_id).mean() if len(as_id) else nothing
    ood_loss = F.softplus(as_ood).mean() if len(as_ood) else nothing
    return id_loss + ood_loss
