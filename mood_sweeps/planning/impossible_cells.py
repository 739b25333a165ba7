"""Which cells cannot exist, and which ones the user excluded; every removal is counted by rule."""

from __future__ import annotations

from collections.abc import Iterable

from mood_sweeps.choice import Choice
from mood_sweeps.experiment.sweep import Features, Finetune, Pair, Selected
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.scoring.requirements import external_lacks, learns_from, missing

__all__ = [
    "external_pair_refuses",
    "external_refuses",
    "finetune_refuses",
    "has_decoder",
    "has_detector",
    "pretext_refuses",
]


def pretext_refuses(pretext: Choice[Pretext], backbone: Choice[Backbone]) -> str | None:
    """Return the rule by which this pretext task cannot train this backbone, or None."""
    task, network = pretext.parameters, backbone.parameters
    if network.family not in task.families:
        return (
            f"{pretext.name} trains {' or '.join(task.families)} backbones only, "
            f"{backbone.name} is a {network.family}"
        )
    if task.drops_patches and not network.can_drop_patches:
        return (
            f"{pretext.name} feeds the backbone visible patches only, "
            f"{backbone.name} needs all of them"
        )
    return None


def finetune_refuses(
    stages: Iterable[Choice[FinetuneStage]], intermediate: str | None
) -> str | None:
    """Return the rule by which these stages cannot be trained on these sets, or None.

    intermediate: the labelled set of intermediate fine-tuning, if there is one.
    """
    for stage in stages:
        if stage.parameters.trains_on_intermediate and intermediate is None:
            return (
                f"{stage.name} trains on an intermediate set, and the sweep names neither "
                "'intermediate' nor 'corpus'"
            )
    return None


def has_decoder(pretext: Choice[Pretext], finetune: Finetune) -> bool:
    """Return whether the pretext task leaves a decoder; training on loses it."""
    return bool(pretext.parameters.makes_decoder) and not finetune.stages


def has_detector(finetune: Finetune) -> bool:
    """Return whether the last stage that makes a head makes a detector beside it."""
    making = [one.parameters for one in finetune.stages if one.parameters.makes_head]
    return bool(making) and bool(making[-1].makes_detector)


def external_refuses(scorer: Choice[AnyScorer] | Selected, features: Features) -> str | None:
    """Return the rule by which features that a user brings are not enough for this scorer."""
    id_set, sets = features.id_set, features.sets
    splits = [split for name, split in sets if name == id_set]
    learnt_from, _ = learns_from(scorer.parameters, splits)
    scored = [sets[id_set, "test"]]
    if isinstance(scorer, Selected):
        scored += [sets[id_set, "val"], *(sets[name, "all"] for name in features.ood_val)]
    return missing(
        scorer.parameters,
        external_lacks(has_head=features.head is not None),
        sets[id_set, learnt_from].lacks,
        [one.lacks for one in scored],
    )


def external_pair_refuses(
    scorer: Choice[AnyScorer] | Selected, pair: Pair, features: Features
) -> str | None:
    """Return the rule by which this scorer cannot score a pair's OOD set, or None."""
    return missing(scorer.parameters, {}, scored=[features.sets[pair.ood_set, "all"].lacks])
