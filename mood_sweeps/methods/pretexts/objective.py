"""The contract of a pretext task's objective, and the look-up of a task's objective."""

from __future__ import annotations

from abc import abstractmethod
from pkgutil import resolve_name
from typing import Generic, Self, TypeVar

import torch
from torch import nn

from mood_sweeps.methods.pretexts.task import PretextTask
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.training.objective import Objective

__all__ = ["PretextObjective", "objective_of"]

T = TypeVar("T", bound=PretextTask)


class PretextObjective(Objective, Generic[T]):
    """An objective that is built from its declared task."""

    @classmethod
    @abstractmethod
    def of(
        cls,
        task: T,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective that trains ``network`` on a task.

        task: of the class that declares this objective. example: images float32 (n, C, S, S).
        classes: number of classes of the corpus. tokens: computes the targets, for a task that
        needs a tokenizer.
        """


def objective_of(
    task: PretextTask,
    network: nn.Module,
    example: torch.Tensor,
    classes: int,
    tokens: VisualTokens | None = None,
) -> PretextObjective[PretextTask]:
    """Return the objective that a task declares; for the parameters see `PretextObjective.of`."""
    kind: type[PretextObjective[PretextTask]] = resolve_name(task.objective)
    return kind.of(task, network, example, classes, tokens)
