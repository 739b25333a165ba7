"""What a scorer needs that a representation or a bank lacks; the one place for these words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.scorers import NEEDS, SPLIT_OF, Scorer

__all__ = [
    "Lacks",
    "ensemble_lacks",
    "external_lacks",
    "learns_from",
    "missing",
    "trained_lacks",
]

Lacks = Mapping[str, str]
"""Some of `scorers.NEEDS`, each with what is said of it, such as ``a head: none is given``."""


def missing(
    scorer: AnyScorer,
    representation: Lacks,
    learnt_from: Lacks | None = None,
    scored: Iterable[Lacks] = (),
) -> str | None:
    """Return why a scorer cannot score some banks, or None if it can.

    representation: what is lacking for all banks. learnt_from: what the bank lacks that the scorer
    learns from, of no matter to one that learns nothing. scored: what the banks to be scored lack,
    of which logits alone matter.
    """
    own = learnt_from if learnt_from and not scorer.learns_nothing else {}
    found: dict[str, str] = {}
    for need in (need for need in NEEDS if need in scorer.needs):
        places = [representation, own, *(scored if need == "logits" else ())]
        said = next((lacks[need] for lacks in places if need in lacks), None)
        if said is not None:
            found.setdefault(said, need)
    if not found:
        return None
    text = f"the scorer needs {'; needs '.join(found)}"
    if "network" in found.values() and isinstance(scorer, Scorer) and scorer.pooled_form:
        text += f"; {scorer.pooled_form} is its form for pooled features"
    return text


def learns_from(scorer: AnyScorer, splits: Collection[str]) -> tuple[str, str]:
    """Return the ID split that a scorer learns from, and what a reader has to know of that.

    splits: those that there are, ``train`` among them.
    """
    split = SPLIT_OF[scorer.fits_on]
    if split in splits:
        return split, ""
    return "train", "fitted on ID train: there is no ID validation set"


def trained_lacks(
    *,
    has_head: bool,
    has_detector: bool = False,
    has_decoder: bool = False,
    is_of_plugin: bool = False,
) -> Lacks:
    """Return what a trained checkpoint lacks. is_of_plugin: whether a plugin builds its network."""
    lacks: dict[str, str] = {}
    if not has_head:
        lacks |= dict.fromkeys(("logits", "head"), "a head: the representation is headless")
    if not has_detector:
        lacks["detector"] = "a detector: ft:ssod alone trains one"
    if not has_decoder:
        lacks["decoder"] = "a decoder: pt of mim, mae and simmim alone has one"
    if is_of_plugin:
        lacks["network"] = "the network: that of a plugin runs in the plugin's process"
    return lacks


def ensemble_lacks(*, has_head: bool) -> Lacks:
    """Return what an ensemble of checkpoints lacks."""
    several = "an ensemble has several"
    return {
        **trained_lacks(has_head=has_head),
        "detector": f"a detector: {several}",
        "network": f"the network: {several}",
    }


def external_lacks(*, has_head: bool) -> Lacks:
    """Return what features lack that a user extracted."""
    without = "features come without one"
    lacks = {
        "detector": f"a detector: {without}",
        "network": f"the network: {without}",
        "decoder": f"a decoder: {without}",
    }
    return lacks if has_head else {**lacks, "head": "a head: none is given"}
