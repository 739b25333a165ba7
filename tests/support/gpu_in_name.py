"""Losses on a GPU that is not there: torch computes shapes and devices only, and refuses to mix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode, ShapeEnv

from mood_sweeps.training.objective import Objective


def loss_on_gpu(objective: Objective) -> torch.Tensor | None:
    """Return the loss of a batch with images on a GPU.

    None where the loss branches on values, which are unknown here; up to there no tensors of two
    devices met.
    """
    network: Any = objective.network
    form = network.description["input"]
    mode = FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv())
    _move(objective, mode)
    with mode:
        images = torch.zeros(4, form["channels"], form["size"], form["size"], device="cuda")
        labels = torch.zeros(4, dtype=torch.int64, device="cuda")
        objective.before_step(0.0)
        try:
            loss: torch.Tensor = objective(images, labels, torch.Generator())
        except GuardOnDataDependentSymNode:
            return None
        objective.after_step(0.5)
    return loss


def draw_outside(monkeypatch: pytest.MonkeyPatch, module: Any, function: str) -> None:
    """Let a function that depends on the values it draws draw real ones, on the CPU."""
    draw = getattr(module, function)

    def drawn(*arguments: Any) -> torch.Tensor:
        with unset_fake_temporarily():
            masks: torch.Tensor = draw(*arguments[:-1], torch.Generator())
            return masks

    monkeypatch.setattr(module, function, drawn)


def _move(moved: torch.nn.Module, mode: FakeTensorMode) -> None:
    """Move parameters and buffers to a GPU as ``to`` would, in name."""

    def there(tensor: torch.Tensor) -> torch.Tensor:
        fake = mode.from_tensor(tensor.detach(), static_shapes=True)
        with mode:
            return fake.to("cuda")

    for module in moved.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                learns = parameter.requires_grad
                module._parameters[name] = torch.nn.Parameter(there(parameter), learns)
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else there(buffer)
