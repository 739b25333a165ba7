"""Micro-batches: computed one by one, or in parallel by a process group, to the same bits.

Every micro-batch starts from the same weights and buffers, with its own random stream; gradients
are summed in the order of the micro-batches. So the result depends on the number of micro-batches,
not on the number of processes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup

__all__ = ["GradientAccumulator", "MicroBatches"]

LossOf = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]
Tensors = list[torch.Tensor | None]
"""None for a tensor that a micro-batch does not change."""

_SEEDS = 2**63 - 1
_BUCKET = 2**24
"""Most numbers in one exchange, which takes memory for a copy of them per rank."""


@dataclass(frozen=True)
class MicroBatches:
    """A batch in ``count`` micro-batches of equal size, of which each rank computes every size-th.

    If there is only one micro-batch, every rank computes it.
    """

    count: int = 1
    group: ProcessGroup = SINGLE_PROCESS

    def local_batch(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the indices of this rank's micro-batches, one after the other."""
        if self.group.size == 1 or self.count == 1:
            return batch
        parts = batch.chunk(self.count)[self.group.rank :: self.group.size]
        return torch.cat(parts) if parts else batch[:0]


class GradientAccumulator:
    """Computes the gradients of a batch by micro-batches and leaves their sum in the parameters.

    A forward pass may change buffers (BatchNorm's statistics, DINO's centre): after the step each
    buffer has changed by the mean of its changes in the micro-batches. Such buffers are averages
    over images, so this is the change by the whole batch.
    """

    def __init__(
        self,
        objective: nn.Module,
        parameters: Sequence[nn.Parameter],
        micro_batches: MicroBatches,
        loss_of: LossOf,
        scale: Callable[[torch.Tensor], Any],
    ) -> None:
        """Set up for an objective and those of its parameters that are trained.

        loss_of: computes the loss of images, their labels and a random stream. scale: scales a loss
        before its gradient is computed.
        """
        self._objective, self._parameters = objective, list(parameters)
        self._micro_batches, self._loss_of, self._scale = micro_batches, loss_of, scale

    def backward(self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Generator) -> float:
        """Return the mean loss of the batch; if it is finite, its gradient is in ``grad``.

        images, labels: those of this rank's micro-batches, one after the other.
        """
        micro_batches, group = self._micro_batches, self._micro_batches.group
        if micro_batches.count == 1:
            return self._backward_one(images, labels, noise)
        streams = _streams(noise, micro_batches.count)
        pairs = self._split(images, labels)
        buffers_before = [buffer.clone() for buffer in self._objective.buffers()]
        sums = _Sums([*self._parameters, *buffers_before], group)
        total = 0.0
        for first in range(0, micro_batches.count, group.size):
            part = first + group.rank
            value, changes = math.nan, sums.nothing
            if part < micro_batches.count:
                self._restore_buffers(buffers_before)
                value = self._backward_one(*next(pairs), streams[part])
                changes = [*self._take_gradients(), *self._buffer_changes(buffers_before)]
            headers = sums.headers(part < micro_batches.count, value, changes)
            for has_part, loss, _ in headers:
                total += loss if has_part else 0.0
            if not math.isfinite(total):
                return total
            sums.add(changes, [has_tensor for _, _, has_tensor in headers])
        self._apply(sums.totals, buffers_before)
        return total

    def _backward_one(
        self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Generator
    ) -> float:
        loss = self._loss_of(images, labels, noise) / self._micro_batches.count
        value = float(loss.item())
        if math.isfinite(value):
            self._scale(loss).backward()
        return value

    def _split(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield images and labels of each of this rank's micro-batches, in separate memory.

        The alignment in memory of a product's factors can change the last bits of the product.
        """
        count = len(
            range(
                self._micro_batches.group.rank,
                self._micro_batches.count,
                self._micro_batches.group.size,
            )
        )
        pairs = zip(images.chunk(max(1, count)), labels.chunk(max(1, count)), strict=True)
        return ((part.clone(), part_labels.clone()) for part, part_labels in pairs)

    def _take_gradients(self) -> Tensors:
        """Return the gradients and clear them in the parameters."""
        gradients: Tensors = [parameter.grad for parameter in self._parameters]
        for parameter in self._parameters:
            parameter.grad = None
        return gradients

    @torch.no_grad()
    def _restore_buffers(self, buffers_before: list[torch.Tensor]) -> None:
        for buffer, before in zip(self._objective.buffers(), buffers_before, strict=True):
            buffer.copy_(before)

    def _buffer_changes(self, buffers_before: list[torch.Tensor]) -> Tensors:
        pairs = zip(self._objective.buffers(), buffers_before, strict=True)
        return [None if torch.equal(now, before) else now - before for now, before in pairs]

    @torch.no_grad()
    def _apply(self, totals: Tensors, buffers_before: list[torch.Tensor]) -> None:
        gradients, changes = totals[: len(self._parameters)], totals[len(self._parameters) :]
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is not None:  # stored with the memory layout of its parameter
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
        self._restore_buffers(buffers_before)
        for buffer, change in zip(self._objective.buffers(), changes, strict=True):
            if change is not None and change.is_floating_point():
                buffer += change / self._micro_batches.count
            elif change is not None:  # a counter of steps: every micro-batch added one
                buffer += change // self._micro_batches.count


class _Sums:
    """Sums of tensors over micro-batches, added in order, whichever rank computed them."""

    def __init__(self, like: Sequence[torch.Tensor], group: ProcessGroup) -> None:
        self.nothing: Tensors = [None] * len(like)
        self.totals = list(self.nothing)
        self._like, self._group = like, group

    def headers(
        self, has_part: bool, loss: float, tensors: Tensors
    ) -> list[tuple[bool, float, list[bool]]]:
        """Return, by rank, whether it has a micro-batch, its loss, and which tensors it has."""
        own = torch.tensor(
            [has_part, loss, *(tensor is not None for tensor in tensors)], dtype=torch.float64
        )
        rows = [row.tolist() for row in self._group.gather(own.to(self._like[0].device))]
        return [(bool(has), loss, [bool(flag) for flag in flags]) for has, loss, *flags in rows]

    @torch.no_grad()
    def add(self, own: Tensors, has_tensor: Sequence[Sequence[bool]]) -> None:
        """Add the tensors of all ranks, in order of rank.

        own: this rank's. has_tensor: for each rank, which tensors it has.
        """
        for bucket in self._buckets([any(ranks) for ranks in zip(*has_tensor, strict=True)]):
            sizes = [self._like[index].numel() for index in bucket]
            flat = torch.cat([self._or_zeros(index, own[index]).reshape(-1) for index in bucket])
            for rank, gathered in enumerate(self._group.gather(flat)):
                for index, values in zip(bucket, torch.split(gathered, sizes), strict=True):
                    if has_tensor[rank][index]:
                        self._add(index, values.view(self._like[index].shape))

    def _add(self, index: int, values: torch.Tensor) -> None:
        total = self.totals[index]
        self.totals[index] = values if total is None else total.add_(values)

    def _or_zeros(self, index: int, tensor: torch.Tensor | None) -> torch.Tensor:
        return torch.zeros_like(self._like[index]) if tensor is None else tensor

    def _buckets(self, wanted: Sequence[bool]) -> Iterator[list[int]]:
        """Yield indices of tensors of one dtype that fit into a bucket together.

        wanted: which indices. Tensors are grouped by dtype: BatchNorm has an integer counter beside
        its float averages.
        """
        of_type = defaultdict[torch.dtype, list[int]](list)
        for index, tensor in enumerate(self._like):
            if wanted[index]:
                of_type[tensor.dtype].append(index)
        for indices in of_type.values():
            bucket: list[int] = []
            size = 0
            for index in indices:
                size += self._like[index].numel()
                if bucket and size > _BUCKET:
                    yield bucket
                    bucket, size = [], self._like[index].numel()
                bucket.append(index)
            yield bucket


def _streams(noise: torch.Generator, count: int) -> list[torch.Generator]:
    """Return a random stream for every micro-batch."""
    seeds = torch.randint(_SEEDS, (count,), generator=noise).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]
