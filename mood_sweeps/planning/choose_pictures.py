"""Choose the pictures of a representation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mood_sweeps.choice import Choice
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.experiment.sweep import Finetune, Pair, Sweep
from mood_sweeps.methods.finetunes.ssod.declaration import SSOD
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.planning.impossible_cells import has_decoder
from mood_sweeps.planning.plan import Representation
from mood_sweeps.planning.stage_inputs import Picture
from mood_sweeps.planning.stages import Stage, data_of, stage_of

__all__ = ["pictures_of"]


def pictures_of(
    representation: Representation,
    pretext: Choice[Pretext],
    finetune: Finetune,
    pairs: Sequence[Pair],
    sets: Mapping[str, ImageSet],
    sweep: Sweep,
) -> Iterator[Stage]:
    """Yield the picture stages of a representation of the sweep's first seed.

    Reconstructions of ID test and OOD images where the sweep scores them (MOODv2, Fig. 4); and the
    patches that ``ft:ssod`` classifies as background in its training images. None of a network that
    a plugin builds.
    """
    if representation.seed != sweep.seeds[0] or representation.checkpoint.network_plugin:
        return
    id_set = sets[representation.id_set]
    scored = any("decoder" in scorer.parameters.needs for scorer in sweep.scorers)
    if scored and has_decoder(pretext, finetune):
        ood_sets = dict.fromkeys(pair.ood_set for pair in pairs)
        shown = [(id_set, "test"), *((sets[name], "all") for name in ood_sets)]
        yield _picture(representation.checkpoint, "reconstructions", shown)
    last = finetune.stages[-1].parameters if finetune.stages else None
    if isinstance(last, SSOD):
        yield _picture(representation.checkpoint, "background", [(id_set, "train")], last.gamma)


def _picture(
    checkpoint: Stage,
    subject: str,
    shown: Iterable[tuple[ImageSet, str]],
    gamma: float | None = None,
) -> Stage:
    """Return the stage that draws the first images of some splits under a checkpoint."""
    shown = tuple(shown)
    planned = tuple((PlannedSet.of(images), split) for images, split in shown)
    work = Picture(checkpoint.ref, subject, planned, gamma)
    content = work.content | {"data": [data_of(images, split) for images, split in shown]}
    label = f"{subject} of {checkpoint.label}"
    return stage_of("picture", content, work, (checkpoint.ref,), label, method=subject)
