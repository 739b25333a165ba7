"""The training loop: an objective, images, a recipe, a seed → curves. It can be resumed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.errors import StageFailed
from mood_sweeps.internal_signals import MemberLost
from mood_sweeps.networks.reproducible import stream
from mood_sweeps.networks.torch_device import peak_memory_mb
from mood_sweeps.training.learning_checks import loss_findings
from mood_sweeps.training.micro_batches import MicroBatches
from mood_sweeps.training.objective import Objective
from mood_sweeps.training.optimiser_step import Stepper
from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup
from mood_sweeps.training.recipe import Recipe
from mood_sweeps.training.resume_state import ResumeState, TrainingState

__all__ = ["Listener", "Trained", "learning_rate", "train"]

_log = logging.getLogger(__name__)

Listener = Callable[[dict[str, Any]], None]
"""Receives a record per epoch: epoch (from 1), epochs, loss, learning_rate and measured values."""


@dataclass(frozen=True)
class Trained:
    """The results of a training beside the weights.

    curves: one record per epoch, a function of the arguments. measured: images_per_second of all
    workers together, peak_memory_mb and seconds of the loop in this process, and the number of
    workers; these depend on the machine. findings: what is wrong with the loss (see
    ``learning_checks``).
    """

    curves: list[dict[str, Any]]
    measured: dict[str, float]
    findings: tuple[str, ...] = ()


def train(
    objective: Objective,
    images: BatchLoader,
    labels: torch.Tensor,
    recipe: Recipe,
    *,
    seed: int,
    kind: str,
    progress: ResumeState | None = None,
    listener: Listener | None = None,
    measure: Callable[[], dict[str, float]] | None = None,
    rates: Mapping[torch.nn.Parameter, float] | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Trained:
    """Train ``objective`` in place, on the device it is on.

    labels: int64 (N,). The last, smaller batch of an epoch is left out, unless it is the only one.
    progress: saves the resume state at intervals and restores it: a training that was killed and
    called again ends with the same bits as an uninterrupted one. measure: called after each epoch
    in eval mode; its numbers join the record. rates: factors of the learning rate of single
    parameters; the record has the rate of all others. group: processes that call this at the same
    time with equal arguments, and share the ``accumulate`` micro-batches of every batch; all end
    with the bits of a single process. Its leader alone saves, evaluates and calls the listener.
    Raises StageFailed, naming epoch and step, when the loss is not finite, and MemberLost when
    another process of the group has ended.
    """
    progress = progress or ResumeState()
    schedule = _Schedule(recipe, len(images))
    micro_batches = MicroBatches(schedule.n_micro_batches, group)
    stepper = Stepper(objective, recipe, rates, micro_batches)
    order, noise = stream(seed, kind, "order"), stream(seed, kind, "noise")
    state = TrainingState(objective, stepper, order, noise)
    if (saved := progress.last()) is not None:
        state.restore(*saved)
    _require_same_step(group, state, stepper.device)
    saving = progress
    if group.rank != 0:  # the leader alone saves, evaluates and reports
        saving, measure, listener = ResumeState(), None, None
    labels = labels.to(stepper.device)
    loop = _Loop(
        objective, images, labels, schedule, micro_batches, stepper, noise, state, progress, saving
    )
    steps_before, started = loop.steps_done, time.perf_counter()
    pause = progress.pause_after
    while state.epoch < (recipe.epochs if pause is None else min(pause, recipe.epochs)):
        loop.epoch()
        record = loop.record(measure)
        state.end_epoch(record)
        _log.info("epoch %d of %d: loss %.6g", state.epoch, recipe.epochs, record["loss"])
        if listener is not None:
            listener(record)
        if saving.is_due():
            saving.save(*state.to_tensors())
    if pause is not None:
        saving.save(*state.to_tensors())
    seconds = time.perf_counter() - started
    measured = {
        "images_per_second": (loop.steps_done - steps_before) * schedule.batch / seconds,
        "training_seconds": seconds,
        "peak_memory_mb": peak_memory_mb(stepper.device),
        "workers": float(group.size),
    }
    findings = loss_findings(
        state.curves,
        state.untrained_loss,
        schedule.total_steps,
        may_rise=objective.loss_may_rise,
        may_rise_again=objective.loss_may_rise_again,
    )
    return Trained(state.curves, measured, findings)


@dataclass(frozen=True)
class _Schedule:
    """The steps of a training: their number, their size and their learning rates."""

    recipe: Recipe
    n_images: int

    @property
    def batch(self) -> int:
        """Images of a step."""
        return min(self.recipe.batch_size, self.n_images)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.n_images // self.batch

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.recipe.epochs * self.steps

    @property
    def n_micro_batches(self) -> int:
        """Micro-batches of a batch."""
        # A set smaller than batch_size makes one smaller batch, which accumulate may not divide.
        return self.recipe.accumulate if self.batch % self.recipe.accumulate == 0 else 1

    def rate(self, step: int) -> float:
        """Return the learning rate at a step, counted from 0 over all epochs."""
        peak = self.recipe.learning_rate
        if self.recipe.base_batch_size is not None:
            peak *= self.batch / self.recipe.base_batch_size
        return peak * learning_rate(self.recipe.warmup, step, self.total_steps)


@dataclass(frozen=True, eq=False)
class _Loop:
    """The epochs and steps of one training.

    progress: what an error says of the saved state. saving: where this process saves its own.
    """

    objective: Objective
    images: BatchLoader
    labels: torch.Tensor
    schedule: _Schedule
    micro_batches: MicroBatches
    stepper: Stepper
    noise: torch.Generator
    state: TrainingState
    progress: ResumeState
    saving: ResumeState

    @property
    def steps_done(self) -> int:
        """Steps behind the state, of all epochs."""
        return self.state.epoch * self.schedule.steps + self.state.step

    def epoch(self) -> None:
        """Take what steps are left of the epoch, saving the state whenever that is due."""
        self.objective.train()
        state, batch, steps = self.state, self.schedule.batch, self.schedule.steps
        shuffled = state.shuffled(len(self.images))
        batches = torch.split(shuffled[: steps * batch], batch)[state.step :]
        local = [self.micro_batches.local_batch(indices) for indices in batches]
        for chosen, pixels in zip(local, self.images.stream(local), strict=True):
            self._step(pixels, self.labels[chosen])
            if self.saving.is_due() and state.step < steps:
                self.saving.save(*state.to_tensors())

    def record(self, measure: Callable[[], dict[str, float]] | None) -> dict[str, Any]:
        """Return the record of an epoch, after its last step."""
        state, steps = self.state, self.schedule.steps
        record: dict[str, Any] = {
            "epoch": state.epoch + 1,
            "epochs": self.schedule.recipe.epochs,
            "loss": state.loss / steps,
            "learning_rate": self.schedule.rate(self.steps_done - 1),
        }
        if measure is not None:
            self.objective.eval()
            record |= measure()
        return record

    def _step(self, pixels: torch.Tensor, labels: torch.Tensor) -> None:
        """Take one step; raise StageFailed if its loss is not finite."""
        state, before, total = self.state, self.steps_done, self.schedule.total_steps
        self.objective.before_step(before / total)
        value = self.stepper.step(pixels, labels, self.noise, self.schedule.rate(before))
        if not math.isfinite(value):
            where = f"epoch {state.epoch + 1}, step {state.step + 1}"
            raise StageFailed(f"the loss is {value} at {where}; {self.progress.described()}")
        self.objective.after_step((before + 1) / total)
        if before == 0:
            state.untrained_loss = value
        state.loss += value
        state.step += 1


def learning_rate(warmup: float, step: int, steps: int) -> float:
    """Return the share of the peak rate at a step (from 0): linear rise, then a cosine to zero.

    warmup: the share of all steps in which it rises.
    """
    warmup_steps = warmup * steps
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    return (1 + math.cos(math.pi * (step - warmup_steps) / (steps - warmup_steps))) / 2


def _require_same_step(group: ProcessGroup, state: TrainingState, device: torch.device) -> None:
    """Raise MemberLost unless all ranks start from the same step."""
    own = torch.tensor([state.epoch, state.step], device=device)
    if any(not torch.equal(other, own) for other in group.gather(own)):
        raise MemberLost("the workers of this training restored different states")
