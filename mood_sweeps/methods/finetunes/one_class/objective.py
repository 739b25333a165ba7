"""One-class fine-tuning: a classifier with more outputs than there are classes."""

from __future__ import annotations

from torch import nn

from mood_sweeps.errors import StageFailed
from mood_sweeps.methods.finetunes.multi_class.objective import MultiClassObjective
from mood_sweeps.methods.finetunes.one_class.declaration import OneClass
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.methods.finetunes.train_supervised import train_supervised
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.objective import Objective

__all__ = ["train"]


def train(inputs: FinetuneInputs[OneClass]) -> Checkpoint:
    """Return the checkpoint after training with a head of ``outputs`` outputs.

    Raises StageFailed if there are more classes than outputs.
    """
    task = inputs.parameters

    def make(network: nn.Module, width: int, classes: int) -> Objective:
        if classes > task.outputs:
            raise StageFailed(f"outputs is {task.outputs}, and the ID set has {classes} classes")
        return MultiClassObjective(
            network, width, task.outputs, task.label_smoothing, view=task.view()
        )

    return train_supervised(inputs, make)
