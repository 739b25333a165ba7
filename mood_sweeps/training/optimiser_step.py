"""One optimiser step: precision, clipping, AdamW."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mood_sweeps.networks.timm_networks import layers_below_head
from mood_sweeps.training.compiling import compiled
from mood_sweeps.training.micro_batches import GradientAccumulator, MicroBatches
from mood_sweeps.training.objective import Objective
from mood_sweeps.training.recipe import Recipe

__all__ = ["Stepper", "layer_rates"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Stepper:
    """Takes optimiser steps on an objective by a recipe.

    With fp16 the loss is scaled up before the backward pass, so that small gradients do not vanish;
    a step with gradients that overflow is skipped and halves the scale (Micikevicius et al. 2018).
    rates: factors of the learning rate of single parameters. micro_batches: their number in a
    batch, and the process group that computes them.
    """

    def __init__(
        self,
        objective: Objective,
        recipe: Recipe,
        rates: Mapping[torch.nn.Parameter, float] | None = None,
        micro_batches: MicroBatches | None = None,
    ) -> None:
        self.objective = objective
        self.parameters = [one for one in objective.parameters() if one.requires_grad]
        self.device = self.parameters[0].device
        self.optimizer = torch.optim.AdamW(
            _groups(self.parameters, recipe.weight_decay, rates or {}),
            betas=(0.9, recipe.beta2),
            fused=True,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "fp16")
        # GradScaler initialises on its first scaled loss; a rank without micro-batches has none.
        self.scaler.scale(torch.zeros((), device=self.device))
        self._recipe = recipe
        self._loss: Any = compiled(objective) if recipe.compile else objective
        self._accumulator = GradientAccumulator(
            objective,
            self.parameters,
            micro_batches or MicroBatches(),
            self._loss_of,
            self.scaler.scale,
        )

    def step(
        self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Generator, rate: float
    ) -> float:
        """Take one step at this learning rate; return the mean loss of the batch before it.

        images: float32 (n, C, S, S), labels: int64 (n,), this process's part of the batch. If the
        loss is not finite, no step is taken.
        """
        recipe = self._recipe
        self.optimizer.zero_grad()
        total = self._accumulator.backward(images, labels, noise)
        if not math.isfinite(total):
            return total
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        if recipe.clip is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.parameters, recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return total

    def _loss_of(
        self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Generator
    ) -> torch.Tensor:
        precision = self._recipe.precision
        with torch.autocast(self.device.type, _DTYPES[precision], enabled=precision != "fp32"):
            loss: torch.Tensor = self._loss(images, labels, noise)
        return loss


def _groups(
    parameters: list[torch.nn.Parameter],
    weight_decay: float,
    rates: Mapping[torch.nn.Parameter, float],
) -> list[dict[str, Any]]:
    """Return parameter groups; biases, norms and tokens have no decay, as usual since BERT."""
    groups: dict[tuple[bool, float], list[torch.nn.Parameter]] = {}
    for parameter in parameters:
        key = (parameter.ndim > 1, rates.get(parameter, 1.0))
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": members, "weight_decay": weight_decay if decays else 0.0, "share": share}
        for (decays, share), members in groups.items()
    ]


def layer_rates(network: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """Return the factor of each parameter's learning rate: decay^(number of layers above it).

    As in BEiT (Bao et al. 2022) and MAE: 1 for the head and other parameters of its layer,
    ``decay`` for the last block, decay^(blocks + 1) for the patch embedding. Raises InputError for
    an architecture without a list of layers in timm.
    """
    if decay == 1:
        return {}
    layers_above = layers_below_head(network)
    return {one: decay ** layers_above[name] for name, one in network.named_parameters()}
