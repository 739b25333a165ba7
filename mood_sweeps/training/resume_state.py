"""The resume state: an unfinished training saves it, and resumes from it after it was killed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch

from mood_sweeps.training.objective import Objective
from mood_sweeps.training.optimiser_step import Stepper

__all__ = ["ResumeState", "StateFile", "TrainingState"]

_NOTES = "notes"


class StateFile(Protocol):
    """A place for the bytes of one unfinished training."""

    def read(self) -> bytes | None:
        """Return the content of the last `write`, whole and unchanged, or None."""
        ...

    def write(self, content: bytes) -> None:
        """Replace the content; a crash leaves the old or the new one, whole."""
        ...


class ResumeState:
    """Saves tensors and plain notes of a training at intervals.

    file: where to save; None saves nothing. every_s: least seconds between two saves.
    share: the largest share of the time that saving may take: a big network is saved less often.
    input_digests: digests of the training's inputs, such as the checkpoint that it started from; a
    state with other digests is ignored. pause_after: number of epochs after which the training
    saves its state and returns; the next call resumes there.
    """

    def __init__(
        self,
        file: StateFile | None = None,
        every_s: float = 60.0,
        input_digests: Mapping[str, str] | None = None,
        share: float = 0.05,
        pause_after: int | None = None,
    ) -> None:
        self.pause_after = pause_after
        self._share = share
        self._file = file
        self._every_s = every_s
        self._input_digests = dict(input_digests or {})
        self._due_at = time.monotonic() + every_s

    def is_due(self) -> bool:
        """Whether it is time to save."""
        return self._file is not None and time.monotonic() >= self._due_at

    def save(self, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, Any]) -> None:
        """Save a state; ``notes`` are JSON values; floats keep their last bit."""
        if self._file is None:
            return
        started = time.monotonic()
        text = json.dumps({"input_digests": self._input_digests, "notes": notes}).encode()
        copies = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        }
        copies[_NOTES] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        self._file.write(safetensors.torch.save(copies))
        now = time.monotonic()
        self._due_at = now + max(self._every_s, (now - started) / self._share)

    def described(self) -> str:
        """Return whether a state was saved, in words for an error message."""
        where = None if self._file is None or self._file.read() is None else self._file
        return (
            f"the last good state is saved in {where}" if where else "no state was saved before it"
        )

    def last(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the last saved tensors and notes; None if there is no usable state."""
        content = self._file.read() if self._file is not None else None
        if content is None:
            return None
        try:
            tensors = safetensors.torch.load(content)
            saved = json.loads(tensors.pop(_NOTES).numpy().tobytes())
        except (safetensors.SafetensorError, KeyError, ValueError):
            return None
        if saved.get("input_digests") != self._input_digests:
            return None
        return tensors, saved["notes"]


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
