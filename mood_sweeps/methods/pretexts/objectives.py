"""Which objective trains which declared pretext task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from mood_sweeps.methods.pretexts.classification.declaration import Classification
from mood_sweeps.methods.pretexts.classification.objective import ClassificationObjective
from mood_sweeps.methods.pretexts.dino.declaration import Dino
from mood_sweeps.methods.pretexts.dino.objective import DinoObjective
from mood_sweeps.methods.pretexts.dinov2.declaration import DinoV2
from mood_sweeps.methods.pretexts.dinov2.objective import DinoV2Objective
from mood_sweeps.methods.pretexts.mae.declaration import Mae
from mood_sweeps.methods.pretexts.mae.objective import MaeObjective
from mood_sweeps.methods.pretexts.mim.declaration import Mim
from mood_sweeps.methods.pretexts.mim.objective import MimObjective
from mood_sweeps.methods.pretexts.mocov3.declaration import MoCoV3
from mood_sweeps.methods.pretexts.mocov3.objective import MoCoV3Objective
from mood_sweeps.methods.pretexts.simmim.declaration import SimMim
from mood_sweeps.methods.pretexts.simmim.objective import SimMimObjective
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.training.objective import Objective

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
