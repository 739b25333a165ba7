"""Which cells cannot exist, and which ones the user excluded; every removal is counted by rule."""

from __future__ import annotations

from collections.abc import Iterable

from mood_sweeps.choice import Choice
from mood_sweeps.experiment.sweep import ExternalSet, Features, Finetune, Pair, Selected
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.plugins.declared_scorers import AnyScorer

__all__ = [
    "ensemble_refuses",
    "external_pair_refuses",
    "external_refuses",
    "finetune_refuses",
    "has_decoder",
    "has_detector",
    "pretext_refuses",
    "scorer_refuses",
]

_BROUGHT = ("labels", "logits", "head")  # what features that are given may bring


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


def scorer_refuses(
    scorer: Choice[AnyScorer] | Selected,
    *,
    has_head: bool,
    has_detector: bool = False,
    has_decoder: bool = False,
) -> str | None:
    """Return the rule by which this scorer cannot score such a representation, or None."""
    needs = scorer.parameters.needs
    if not has_head and ("logits" in needs or "head" in needs):
        return "the scorer needs a head, the representation is headless"
    if not has_detector and "detector" in needs:
        return "the scorer needs a detector, which ft:ssod alone trains"
    if not has_decoder and "decoder" in needs:
        return "the scorer needs a decoder, which pt of mim, mae and simmim alone has"
    return None


def ensemble_refuses(scorer: Choice[AnyScorer] | Selected, *, has_head: bool) -> str | None:
    """Return the rule by which this scorer cannot score an ensemble, or None."""
    if "network" in scorer.parameters.needs:
        return "the scorer needs the network, an ensemble has several"
    if "detector" in scorer.parameters.needs:
        return "the scorer needs a detector, an ensemble has several"
    return scorer_refuses(scorer, has_head=has_head)


def external_refuses(scorer: Choice[AnyScorer] | Selected, features: Features) -> str | None:
    """Return the rule by which features that are given are not enough for this scorer, or None."""
    needs = scorer.parameters.needs
    for need in sorted(set(needs).difference(_BROUGHT)):
        form = getattr(scorer.parameters, "pooled_form", None)
        instead = f"; {form} is its form for pooled features" if form else ""
        return f"the scorer needs the {need}, features alone do not do{instead}"
    if "head" in needs and features.head is None:
        return "the scorer needs a head, none was given"
    id_set, sets = features.id_set, features.sets
    learns_from = [] if scorer.parameters.learns_nothing else [_fit_set(scorer, features)]
    if "labels" in needs and not all(one.has_labels for one in learns_from):
        return "the scorer needs labels of the ID set, the features have none"
    scored = [sets[id_set, "test"]]
    if isinstance(scorer, Selected):
        scored += [sets[id_set, "val"], *(sets[name, "all"] for name in features.ood_val)]
    if "logits" in needs and not all(one.has_logits for one in (*learns_from, *scored)):
        return "the scorer needs logits, the features have none"
    return None


def external_pair_refuses(
    scorer: Choice[AnyScorer] | Selected, pair: Pair, features: Features
) -> str | None:
    """Return the rule by which this scorer cannot score a pair's OOD set, or None."""
    if "logits" in scorer.parameters.needs and not features.sets[pair.ood_set, "all"].has_logits:
        return "the scorer needs logits, the OOD set has none"
    return None


def _fit_set(scorer: Choice[AnyScorer] | Selected, features: Features) -> ExternalSet:
    split = scorer.parameters.fits_on.removeprefix("id_")
    train = features.sets[features.id_set, "train"]
    return features.sets.get((features.id_set, split), train)
