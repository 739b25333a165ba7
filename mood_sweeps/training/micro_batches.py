"""Micro-batches: computed one by one, or by a process group at the same time, to the same bits.

Every micro-batch starts from the same weights, the same buffers and a random stream of its own, and
their gradients are added up in their order. So the number of processes does not change the result,
only the number of micro-batches does.
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
Found = list[torch.Tensor | None]

_SEEDS = 2**63 - 1
_BUCKET = 2**24
"""Numbers that are exchanged at once: more need more memory, a copy for every rank."""


@dataclass(frozen=True)
class MicroBatches:
    """A batch in ``count`` micro-batches of equal size, of which each rank has every size-th.

    A batch in one micro-batch is computed by every rank.
    """

    count: int = 1
    group: ProcessGroup = SINGLE_PROCESS

    def local_batch(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the micro-batches of this rank, one after the other."""
        if self.group.size == 1 or self.count == 1:
            return batch
        parts = batch.chunk(self.count)[self.group.rank :: self.group.size]
        return torch.cat(parts) if parts else batch[:0]


class GradientAccumulator:
    """Computes the gradients of a batch by micro-batches; their sum is left in the parameters.

    A forward pass may move buffers (BatchNorm's statistics, DINO's centre): after the step they
    have moved by the mean of the moves of the micro-batches. These are averages over images, so
    this is the average over the batch.
    """

    def __init__(
        self,
        objective: nn.Module,
        parameters: Sequence[nn.Parameter],
        micro_batches: MicroBatches,
        loss_of: LossOf,
        scale: Callable[[torch.Tensor], Any],
    ) -> None:
        """Take the objective, its parameters that are trained, and how losses are computed.

        loss_of: the loss of images, their labels and a random stream. scale: turns a loss into the
        one that gradients are taken of.
        """
        self._objective, self._parameters = objective, list(parameters)
        self._micro_batches, self._loss_of, self._scale = micro_batches, loss_of, scale

    def backward(self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Generator) -> float:
        """Return the mean loss of the batch; if it is finite, its gradient is in ``grad``.

        images, labels: of the micro-batches of this rank, one after the other.
        """
        micro_batches, group = self._micro_batches, self._micro_batches.group
        if micro_batches.count == 1:
            return self._one(images, labels, noise)
        streams = _streams(noise, micro_batches.count)
        mine = self._pairs(images, labels)
        started_from = [buffer.clone() for buffer in self._objective.buffers()]
        sums = _Sums([*self._parameters, *started_from], group)
        total = 0.0
        for first in range(0, micro_batches.count, group.size):
            part = first + group.rank
            value, found = math.nan, sums.nothing
            if part < micro_batches.count:
                self._put_back(started_from)
                value = self._one(*next(mine), streams[part])
                found = [*self._gradients(), *self._moved(started_from)]
            headers = sums.headers(part < micro_batches.count, value, found)
            for has_part, loss, _ in headers:
                total += loss if has_part else 0.0
            if not math.isfinite(total):
                return total
            sums.add(found, [given for _, _, given in headers])
        self._take_over(sums.totals, started_from)
        return total

    def _one(self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Generator) -> float:
        loss = self._loss_of(images, labels, noise) / self._micro_batches.count
        value = float(loss.item())
        if math.isfinite(value):
            self._scale(loss).backward()
        return value

    def _pairs(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the micro-batches of this rank, each in memory of its own.

        The alignment of a product's factors in memory can change its last bits.
        """
        mine = len(
            range(
                self._micro_batches.group.rank,
                self._micro_batches.count,
                self._micro_batches.group.size,
            )
        )
        pairs = zip(images.chunk(max(1, mine)), labels.chunk(max(1, mine)), strict=True)
        return ((some.clone(), their.clone()) for some, their in pairs)

    def _gradients(self) -> Found:
        """Take the gradients away from the parameters."""
        found: Found = [one.grad for one in self._parameters]
        for one in self._parameters:
            one.grad = None
        return found

    @torch.no_grad()
    def _put_back(self, started_from: list[torch.Tensor]) -> None:
        for buffer, before in zip(self._objective.buffers(), started_from, strict=True):
            buffer.copy_(before)

    def _moved(self, started_from: list[torch.Tensor]) -> Found:
        pairs = zip(self._objective.buffers(), started_from, strict=True)
        return [None if torch.equal(now, before) else now - before for now, before in pairs]

    @torch.no_grad()
    def _take_over(self, totals: Found, started_from: list[torch.Tensor]) -> None:
        gradients, moved = totals[: len(self._parameters)], totals[len(self._parameters) :]
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is not None:  # with the memory layout of its parameter
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
        self._put_back(started_from)
        for buffer, by in zip(self._objective.buffers(), moved, strict=True):
            if by is not None and by.is_floating_point():
                buffer += by / self._micro_batches.count
            elif by is not None:  # a count: every micro-batch counted one step
                buffer += by // self._micro_batches.count


class _Sums:
    """Sums of tensors over micro-batches, added in order, whichever rank computed them."""

    def __init__(self, like: Sequence[torch.Tensor], group: ProcessGroup) -> None:
        self.nothing: Found = [None] * len(like)
        self.totals = list(self.nothing)
        self._like, self._team = like, group

    def headers(
        self, has_part: bool, loss: float, found: Found
    ) -> list[tuple[bool, float, list[bool]]]:
        """Return of every rank whether it has a micro-batch, its loss and which tensors it has."""
        mine = torch.tensor(
            [has_part, loss, *(one is not None for one in found)], dtype=torch.float64
        )
        told = [one.tolist() for one in self._team.gather(mine.to(self._like[0].device))]
        return [(bool(has), loss, [bool(one) for one in given]) for has, loss, *given in told]

    @torch.no_grad()
    def add(self, mine: Found, given: Sequence[Sequence[bool]]) -> None:
        """Add the tensors of all ranks, in order of rank; given: which tensors each rank has."""
        for bucket in self._buckets([any(some) for some in zip(*given, strict=True)]):
            sizes = [self._like[at].numel() for at in bucket]
            flat = torch.cat([self._or_zeros(at, mine[at]).reshape(-1) for at in bucket])
            for rank, everything in enumerate(self._team.gather(flat)):
                for at, values in zip(bucket, torch.split(everything, sizes), strict=True):
                    if given[rank][at]:
                        self._add(at, values.view(self._like[at].shape))

    def _add(self, at: int, values: torch.Tensor) -> None:
        total = self.totals[at]
        self.totals[at] = values if total is None else total.add_(values)

    def _or_zeros(self, at: int, found: torch.Tensor | None) -> torch.Tensor:
        return torch.zeros_like(self._like[at]) if found is None else found

    def _buckets(self, wanted: Sequence[bool]) -> Iterator[list[int]]:
        """Yield indices of tensors of one dtype that fit into a bucket together.

        wanted: which indices. Tensors are grouped by dtype: a BatchNorm has a count among averages.
        """
        of_type = defaultdict[torch.dtype, list[int]](list)
        for at, one in enumerate(self._like):
            if wanted[at]:
                of_type[one.dtype].append(at)
        for places in of_type.values():
            bucket: list[int] = []
            held = 0
            for at in places:
                held += self._like[at].numel()
                if bucket and held > _BUCKET:
                    yield bucket
                    bucket, held = [], self._like[at].numel()
                bucket.append(at)
            yield bucket


def _streams(noise: torch.Generator, count: int) -> list[torch.Generator]:
    """Return a random stream for every micro-batch."""
    seeds = torch.randint(_SEEDS, (count,), generator=noise).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]
