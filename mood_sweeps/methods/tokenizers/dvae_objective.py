"""The loss of a discrete VAE: reconstruction from relaxed samples, and use of the codebook."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.methods.tokenizers.declarations import Dvae
from mood_sweeps.methods.tokenizers.dvae_network import DiscreteVae
from mood_sweeps.training.objective import Objective

__all__ = ["DvaeObjective", "gumbel_noise", "temperature", "uniform_divergence"]


class DvaeObjective(Objective):
    """A discrete VAE with the temperature of the current step."""

    # The temperature falls, which makes samples coarser.
    loss_may_rise_again: ClassVar[bool] = True

    network: DiscreteVae

    def __init__(self, recipe: Dvae, network: DiscreteVae) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network
        self.temperature = recipe.warm_temperature

    def before_step(self, progress: float) -> None:
        """Lower the temperature."""
        self.temperature = temperature(self.recipe, progress)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the squared error per pixel + kl_weight · nats per patch; labels are unused."""
        del labels
        logits = self.network.encode(images)
        noise = gumbel_noise(logits.shape, generator).to(images.device)
        relaxed = torch.softmax((logits + noise) / self.temperature, dim=-1)
        error = F.mse_loss(self.network.decode(relaxed), images)
        return error + self.recipe.kl_weight * uniform_divergence(logits)


def temperature(recipe: Dvae, progress: float) -> float:
    """Return the temperature at a share of all steps: a cosine from warm to cold."""
    warm, cold = recipe.warm_temperature, recipe.cold_temperature
    return cold + (warm - cold) * (1 + math.cos(math.pi * progress)) / 2


def gumbel_noise(shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Return standard Gumbel noise: the argmax of logits plus noise samples their softmax."""
    return -torch.empty(shape).exponential_(generator=generator).log()


def uniform_divergence(logits: torch.Tensor) -> torch.Tensor:
    """Return the mean of KL(softmax(logits) ‖ uniform) over the last dimension, in nats."""
    log_probabilities = torch.log_softmax(logits, dim=-1)
    return (log_probabilities.exp() * log_probabilities).sum(dim=-1).mean() + math.log(
        logits.shape[-1]
    )
