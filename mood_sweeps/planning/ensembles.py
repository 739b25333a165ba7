"""Ensembles: one representation of all seeds of another, with their features side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mood_sweeps.planning.plan import Representation
from mood_sweeps.planning.stage_inputs import EnsembleBank, EnsembleHead
from mood_sweeps.planning.stages import Stage, stage_of

__all__ = ["ensemble_bank", "ensemble_of"]


def ensemble_of(members: Sequence[Representation]) -> Representation:
    """Return the ensemble of representations that differ in their seeds alone.

    Its features are those of the members side by side, in the order of seeds, and its head gives
    the mean of their logits. It has no seed; the label on the fine-tuning axis marks the ensemble.
    """
    members = sorted(members, key=lambda member: member.seed or 0)
    first = members[0]
    refs = tuple(member.checkpoint.ref for member in members)
    finetune = f"{first.finetune} × {len(members)} seeds"
    stage = stage_of(
        "ensemble",
        {"members": [ref.key for ref in refs]},
        EnsembleHead(refs),
        refs,
        label=f"ensemble of {len(members)} × {first.checkpoint.method}",
        method="head",
    )
    return Representation(
        first.pretext,
        first.backbone,
        finetune,
        None,
        first.id_set,
        (stage,),
        first.head_set,
        members=tuple(members),
    )


def ensemble_bank(
    ensemble: Representation,
    image_set: str,
    split: str,
    bank_of: Callable[[Representation, str, str], Stage],
) -> Stage:
    """Return the stage that joins the members' banks of a split of an image set."""
    bank = ensemble.banks.get((image_set, split))
    if bank is None:
        parts = tuple(bank_of(member, image_set, split).ref for member in ensemble.members)
        head = ensemble.checkpoint.ref
        bank = stage_of(
            "ensemble",
            {"ensemble": head.key, "members": [part.key for part in parts]},
            EnsembleBank(parts, head),
            (head, *parts),
            label=f"{image_set}/{split} of {ensemble.checkpoint.label}",
            method="bank",
        )
        ensemble.banks[image_set, split] = bank
    return bank
