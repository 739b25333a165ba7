"""Which pictures a representation is to have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mood_sweeps.choice import Choice
from mood_sweeps.datasets.image_set import ImageSet
from mood_sweeps.planner.plan import Representation
from mood_sweeps.planner.stage import Stage, picture_stage
from mood_sweeps.spec.sweep import Finetune, Pair, Sweep

__all__ = ["pictures_of"]


def pictures_of(
    representation: Representation,
    pretext: Choice,
    finetune: Finetune,
    pairs: Sequence[Pair],
    sets: Mapping[str, ImageSet],
    sweep: Sweep,
) -> Iterator[Stage]:
    """Yield the picture stages of a representation of the sweep's first seed.

    Reconstructions of ID test and OOD images where the sweep scores them (MOODv2, Fig. 4); what
    ``ft:ssod`` takes for background in the images it was trained on.
    """
    if representation.seed != sweep.seeds[0]:
        return
    id_set = sets[representation.id_set]
    scored = any("decoder" in scorer.parameters.needs for scorer in sweep.scorers)
    if scored and pretext.parameters.makes_decoder and not finetune.stages:
        ood_sets = dict.fromkeys(pair.ood_set for pair in pairs)
        shown = [(id_set, "test"), *((sets[name], "all") for name in ood_sets)]
        yield picture_stage(representation.checkpoint, "reconstructions", shown)
    if finetune.stages and finetune.stages[-1].parameters.makes_detector:
        gamma = finetune.stages[-1].parameters.gamma
        shown = [(id_set, "train")]
        yield picture_stage(representation.checkpoint, "background", shown, gamma)
