"""Fine-tuning: a stage trains a checkpoint further, on the ID images."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name

from mood_sweeps.choice import Choice
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.loop import Listener
from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup
from mood_sweeps.training.resume_state import ResumeState

__all__ = ["finetune"]

Trainer = Callable[[FinetuneInputs[FinetuneStage]], Checkpoint]


def finetune(
    stage: Choice[FinetuneStage],
    checkpoint: Checkpoint,
    train_images: LabelledImages,
    validation: LabelledImages | None,
    seed: int,
    *,
    exposed: LabelledImages | None = None,
    progress: ResumeState | None = None,
    listener: Listener | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Checkpoint:
    """Return the checkpoint after a fine-tuning stage on ``train_images``.

    validation: its accuracy is recorded and influences nothing. seed: ignored by a stage that uses
    none. exposed: OOD images, for a stage that trains with some. progress, group: see
    ``loop.train``. Reproducible as ``pretrain``. Raises StageFailed if training fails: a loss that
    is not finite, a class without images.
    """
    inputs = FinetuneInputs(
        stage.parameters,
        checkpoint,
        train_images,
        validation,
        seed,
        exposed,
        progress,
        listener,
        group,
    )
    trainer: Trainer = resolve_name(stage.parameters.trainer)
    return trainer(inputs)
