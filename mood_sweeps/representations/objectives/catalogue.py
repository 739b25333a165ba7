"""Which objective trains which declared pretext task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from mood_sweeps.representations.objectives.classification import ClassificationObjective
from mood_sweeps.representations.objectives.dino import DinoObjective
from mood_sweeps.representations.objectives.dinov2 import DinoV2Objective
from mood_sweeps.representations.objectives.mae import MaeObjective
from mood_sweeps.representations.objectives.mim import MimObjective
from mood_sweeps.representations.objectives.mocov3 import MoCoV3Objective
from mood_sweeps.representations.objectives.objective import Objective
from mood_sweeps.representations.objectives.simmim import SimMimObjective
from mood_sweeps.representations.pretexts.classification import Classification
from mood_sweeps.representations.pretexts.dino import Dino
from mood_sweeps.representations.pretexts.dinov2 import DinoV2
from mood_sweeps.representations.pretexts.mae import Mae
from mood_sweeps.representations.pretexts.mim import Mim
from mood_sweeps.representations.pretexts.mocov3 import MoCoV3
from mood_sweeps.representations.pretexts.simmim import SimMim
from mood_sweeps.representations.tokenizers.visual_tokens import VisualTokens

__all__ = ["OBJECTIVES", "Make", "objective_of"]

Make = Callable[[Any, nn.Module, torch.Tensor, int], Objective]
"""(task, network, example images (n, C, S, S), number of classes of the corpus) → objective."""

OBJECTIVES: Mapping[type[Any], Make] = {
    Mim: MimObjective.of,
    Mae: MaeObjective.of,
    SimMim: SimMimObjective.of,
    MoCoV3: MoCoV3Objective.of,
    Dino: DinoObjective.of,
    DinoV2: DinoV2Objective.of,
    Classification: ClassificationObjective.of,
}


def objective_of(
    task: Any,
    network: nn.Module,
    example: torch.Tensor,
    classes: int,
    tokens: VisualTokens | None = None,
) -> Objective:
    """Return what trains ``network`` on a task (see ``Make``); tokens: if it predicts such."""
    if tokens is not None:
        return MimObjective(task, network, example, tokens)
    return OBJECTIVES[type(task)](task, network, example, classes)
