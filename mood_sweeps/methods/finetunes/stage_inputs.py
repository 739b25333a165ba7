"""The inputs of a fine-tuning stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.loop import Listener
from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup
from mood_sweeps.training.resume_state import ResumeState

__all__ = ["FinetuneInputs"]

S_co = TypeVar("S_co", bound=FinetuneStage, covariant=True)


@dataclass(frozen=True, eq=False)
class FinetuneInputs(Generic[S_co]):
    """One checkpoint to fine-tune on one ID set.

    parameters: of the declared stage. images: the ID train split. validation: its accuracy is
    recorded and influences nothing. seed: 0 for a stage that uses none. exposed: OOD images that
    the stage trains with. progress, listener, group: see ``loop.train``.
    """

    parameters: S_co
    checkpoint: Checkpoint
    images: LabelledImages
    validation: LabelledImages | None
    seed: int
    exposed: LabelledImages | None = None
    progress: ResumeState | None = None
    listener: Listener | None = None
    group: ProcessGroup = SINGLE_PROCESS
