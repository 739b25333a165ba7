"""All that a training's next step depends on, as tensors and notes that can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mood_sweeps.training.objective import Objective
from mood_sweeps.training.optimiser_step import Stepper

__all__ = ["TrainingState"]


class TrainingState:
    """The state of a training: finished epochs, steps of the current one, and their effects.

    loss: sum over the steps of the current epoch. untrained_loss: loss of the very first batch;
    None before it. curves: the records of the finished epochs.
    """

    def __init__(
        self,
        objective: Objective,
        stepper: Stepper,
        order: torch.Generator,
        noise: torch.Generator,
    ) -> None:
        self.epoch = 0
        self.step = 0
        self.loss = 0.0
        self.untrained_loss: float | None = None
        self.curves: list[dict[str, Any]] = []
        self._objective, self._stepper = objective, stepper
        self._order, self._noise = order, noise
        self._order_before = order.get_state()

    def shuffled(self, count: int) -> torch.Tensor:
        """Return the order of this epoch's images; a resumed epoch gets the same order."""
        self._order.set_state(self._order_before)
        return torch.randperm(count, generator=self._order)

    def end_epoch(self, record: dict[str, Any]) -> None:
        """Record an epoch and start the next one."""
        self.curves.append(record)
        self.epoch, self.step, self.loss = self.epoch + 1, 0, 0.0
        self._order_before = self._order.get_state()

    def to_tensors(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return everything as tensors by name, and notes."""
        tensors = {f"objective.{k}": v for k, v in self._objective.state_dict().items()}
        for index, parameter in enumerate(self._stepper.parameters):
            for name, value in self._stepper.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{index}.{name}"] = value
        tensors["random.order"] = self._order_before
        tensors["random.noise"] = self._noise.get_state()
        tensors["random.global"] = torch.get_rng_state()
        if self._stepper.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self._stepper.device)
        notes = {
            "epoch": self.epoch,
            "step": self.step,
            "loss": self.loss,
            "untrained": self.untrained_loss,
            "curves": self.curves,
            "scaler": self._stepper.scaler.state_dict(),
        }
        return tensors, notes

    def restore(self, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, Any]) -> None:
        """Restore the state that `to_tensors` returned."""
        self._objective.load_state_dict(
            {
                name.removeprefix("objective."): tensor
                for name, tensor in tensors.items()
                if name.startswith("objective.")
            }
        )
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, part = name.split(".", 2)
                parameter = self._stepper.parameters[int(index)]
                self._stepper.optimizer.state[parameter][part] = _like(parameter, tensor)
        self._order_before = tensors["random.order"]
        self._noise.set_state(tensors["random.noise"])
        torch.set_rng_state(tensors["random.global"])
        if "random.cuda" in tensors and self._stepper.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], self._stepper.device)
        if notes["scaler"]:
            self._stepper.scaler.load_state_dict(notes["scaler"])
        self.epoch, self.step, self.loss = notes["epoch"], notes["step"], notes["loss"]
        self.untrained_loss = notes.get("untrained")  # absent in a state of an older version
        self.curves = list(notes["curves"])


def _like(parameter: torch.nn.Parameter, tensor: torch.Tensor) -> torch.Tensor:
    """Return an optimiser's tensor with the device and memory layout of its parameter."""
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device)
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
