"""Compiling: torch fuses each block that a network repeats into a few kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from mood_sweeps.errors import InputError, StageFailed
from mood_sweeps.training.objective import Objective

__all__ = ["blocks_of", "compiled"]

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]

_MOST_VARIANTS = 256
# Without it, compiled code on a GPU draws random numbers from another generator.
_OPTIONS: Any = {"fallback_random": True}


def compiled(objective: Objective) -> Loss:
    """Return the loss of an objective; torch compiles its blocks in place, when they first run.

    Parameters, buffers, their names and random numbers stay as they are; the order of sums changes.
    Blocks are compiled, not the whole objective: they take most of the time, blocks of one shape
    are compiled once, and the compiler need not support the code between them (views, masks,
    hooks). Earlier compiled code is discarded and every shape is compiled separately: otherwise the
    code, and so the bits, would depend on what ran before.
    Raises InputError for a network without blocks; the loss raises StageFailed if torch cannot
    compile, most often for lack of a C++ compiler.
    """
    torch.compiler.reset()
    blocks = blocks_of(objective)
    if not blocks:
        raise InputError("compile: torch compiles blocks, and this network repeats none")
    for block in blocks:
        block.compile(dynamic=False, recompile_limit=_MOST_VARIANTS, options=_OPTIONS)
    # torch has no public name for the errors of the compiler.
    from torch._dynamo.exc import TorchDynamoException  # late: the import takes seconds

    def loss(
        images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        try:
            value: torch.Tensor = objective(images, labels, generator)
        except TorchDynamoException as error:
            # The compiler's own traceback of a hundred lines would hide the line that matters.
            raise StageFailed(_failure_message(error)) from None
        return value

    return loss


def blocks_of(module: nn.Module) -> list[nn.Module]:
    """Return the blocks of a module: members of its lists with children, but without blocks.

    These are the blocks of a ViT, the residual blocks of a ResNet, the layers of a decoder.
    """
    members = dict.fromkeys(_members(module))
    return [
        one
        for one in members
        if not any(part in members for part in one.modules() if part is not one)
    ]


def _members(module: nn.Module) -> Iterator[nn.Module]:
    for one in module.modules():
        if isinstance(one, nn.Sequential | nn.ModuleList):
            for member in one:
                is_list = isinstance(member, nn.Sequential | nn.ModuleList)
                if not is_list and next(member.children(), None) is not None:
                    yield member


def _failure_message(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The first error line of the C++ compiler, if it ran.
    why = [*lines[:1], *[line for line in lines[1:] if "error:" in line][:1]]
    return (
        f"'compile: true': torch cannot compile the network here: {'; '.join(why)}. It needs a C++ "
        "compiler, g++ or the one that the variable CXX names; without one, leave 'compile' out"
    )
