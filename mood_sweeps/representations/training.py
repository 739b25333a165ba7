"""The training loop: an objective, images in one tensor, a recipe, a seed → curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from mood_sweeps.errors import StageFailed
from mood_sweeps.representations.objectives.objective import Objective
from mood_sweeps.representations.recipe import Recipe
from mood_sweeps.representations.reproducible import stream

__all__ = ["Listener", "learning_rate", "train"]

Listener = Callable[[dict[str, Any]], None]
"""Hears one record per epoch: epoch (from 1), epochs, loss, learning_rate and what was measured."""


def train(
    objective: Objective,
    images: torch.Tensor,
    labels: torch.Tensor,
    recipe: Recipe,
    *,
    seed: int,
    kind: str,
    listener: Listener | None = None,
    measure: Callable[[], dict[str, float]] | None = None,
) -> list[dict[str, Any]]:
    """Train ``objective`` in place and return one record per epoch.

    images: float32 (N, C, S, S), labels: int64 (N,), both whole in memory: at this size a data
    loader costs more than the network. The last, smaller batch of an epoch is left out, unless it
    is the only one. measure: called after each epoch in eval mode; its numbers join the record.
    Raises StageFailed, naming epoch and step, when the loss is not finite.
    """
    order, noise = stream(seed, kind, "order"), stream(seed, kind, "noise")
    optimizer = torch.optim.AdamW(_parameter_groups(objective, recipe), fused=True)
    batch = min(recipe.batch_size, len(images))
    steps = len(images) // batch
    curves = []
    for epoch in range(recipe.epochs):
        objective.train()
        shuffled = torch.randperm(len(images), generator=order)
        total = 0.0
        for step in range(steps):
            done = epoch * steps + step
            rate = learning_rate(recipe, done, recipe.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            chosen = shuffled[step * batch : (step + 1) * batch]
            loss = objective(images[chosen], labels[chosen], noise)
            value = loss.item()
            if not math.isfinite(value):
                raise StageFailed(f"the loss is {value} at epoch {epoch + 1}, step {step + 1}")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            objective.after_step((done + 1) / (recipe.epochs * steps))
            total += value
        record: dict[str, Any] = {
            "epoch": epoch + 1,
            "epochs": recipe.epochs,
            "loss": total / steps,
            "learning_rate": rate,
        }
        if measure is not None:
            objective.eval()
            record |= measure()
        curves.append(record)
        if listener is not None:
            listener(record)
    return curves


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate of a step (from 0): linear rise over the warm-up, then a cosine to zero."""
    rising = recipe.warmup * steps
    if step < rising:
        return recipe.learning_rate * (step + 1) / (rising + 1)
    return recipe.learning_rate * (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2


def _parameter_groups(objective: Objective, recipe: Recipe) -> list[dict[str, Any]]:
    """Biases, norms and tokens are not decayed, as is usual since BERT."""
    trained = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    return [
        {
            "params": [parameter for parameter in trained if parameter.ndim > 1],
            "weight_decay": recipe.weight_decay,
        },
        {
            "params": [parameter for parameter in trained if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
