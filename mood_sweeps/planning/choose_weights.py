"""Which weights that others trained stand in for how much of a chain."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.choice import Choice
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.sweep import Finetune, Sweep
from mood_sweeps.identity import file_digest
from mood_sweeps.methods.pretexts.given_weights import Published, WeightsFile
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.planning.stage_inputs import LoadFile, LoadPublished
from mood_sweeps.planning.stages import Stage, load_stage

__all__ = ["Loaded", "Loading"]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A load stage and what it stands for.

    n_stages: how many fine-tuning stages, from the first, the weights went through already.
    head_set: the image set of its head's classes; None if it is headless.
    """

    stage: Stage
    n_stages: int
    head_set: str | None


class Loading:
    """Finds the weights of one sweep; every file is read once, to know its digest."""

    def __init__(self, sweep: Sweep, find_image_set: Callable[[str], ImageSet]) -> None:
        self._where = sweep.where
        self._find_image_set = find_image_set
        self._digests: dict[str, str] = {}

    def find(
        self, pretext: Choice[Pretext], backbone: Choice[Backbone], finetune: Finetune, id_set: str
    ) -> Loaded | str:
        """Return the weights, or the rule by which there are none.

        Published ones are those that went through the longest prefix of the chain; a stage with
        parameters of its own was never published. A file holds what the pretext task gave.
        Raises InputError for a file that cannot be read.
        """
        wanted = pretext.parameters
        if isinstance(wanted, Published):
            return self._published(pretext, wanted, backbone, finetune, id_set)
        assert isinstance(wanted, WeightsFile)
        head_set = wanted.head
        classes = len(self._find_image_set(head_set).classes) if head_set is not None else None
        path = os.path.abspath(Path(self._where).parent / wanted.weights)
        work = LoadFile(
            backbone,
            path,
            self._digest(path),
            wanted.layout,
            wanted.transform,
            head_set,
            classes,
            wanted.averaged,
        )
        stage = load_stage(work, f"{pretext.label} · {backbone.label}")
        return Loaded(stage, 0, head_set)

    def _published(
        self,
        pretext: Choice[Pretext],
        wanted: Published,
        backbone: Choice[Backbone],
        finetune: Finetune,
        id_set: str,
    ) -> Loaded | str:
        labels = [stage.label for stage in finetune.stages]
        found = wanted.weights_for(pretext.name, backbone.name, labels, id_set)
        if isinstance(found, str):
            return found
        with_head = found.classes == id_set
        work = LoadPublished(backbone, found.tag, wanted.revision, wanted.transform, with_head)
        stage = load_stage(work, f"{pretext.label} · {found.tag}")
        return Loaded(stage, len(found.stages), id_set if with_head else None)

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            try:
                self._digests[path] = file_digest(Path(path))
            except OSError as error:
                message = f"{path} cannot be read: {error.strerror}"
                raise InputError(Problem(message, self._where)) from None
        return self._digests[path]
