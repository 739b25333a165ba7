"""Stages: units of work with an identity, inert. What a stage does is written in `stages/`.

Each kind has a hand-bumped version. It must be bumped when the same inputs would now give other
numbers; the golden test of keys fails when a key changes for any other reason.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.datasets.image_set import ImageSet
from mood_sweeps.identity import key_of
from mood_sweeps.store import Ref

__all__ = [
    "VERSIONS",
    "Extract",
    "Finetune",
    "Pretrain",
    "Stage",
    "extract_stage",
    "finetune_stage",
    "fit_key",
    "pretrain_stage",
    "scores_key",
]

VERSIONS = {"pretrain": 1, "finetune": 1, "extract": 1, "fit": 1, "score": 1, "evaluate": 1}


@dataclass(frozen=True)
class Pretrain:
    """Learn a backbone's weights by a pretext task on the corpus's train split."""

    pretext: Choice
    backbone: Choice
    corpus: str | None
    seed: int


@dataclass(frozen=True)
class Finetune:
    """Train further from a checkpoint on the ID set's train split."""

    stage: Choice
    checkpoint: Ref
    id_set: str
    seed: int


@dataclass(frozen=True)
class Extract:
    """Cache features and logits of one split of an image set under one checkpoint."""

    checkpoint: Ref
    image_set: str
    split: str


@dataclass(frozen=True, eq=False)
class Stage:
    """One unit of work: what it is (content), what it needs (inputs), how people call it.

    ``method`` names what history's durations are grouped by: equal methods cost about the same.
    """

    ref: Ref
    content: dict[str, Any]
    work: Pretrain | Finetune | Extract
    inputs: tuple[Ref, ...]
    label: str
    method: str

    @property
    def key(self) -> str:
        """The content key."""
        return self.ref.key

    @property
    def kind(self) -> str:
        """``pretrain``, ``finetune`` or ``extract``."""
        return self.ref.kind

    def choices(self) -> dict[str, Any]:
        """Return its choices by role, with every parameter, defaults included."""
        roles = {field.name: getattr(self.work, field.name) for field in fields(self.work)}
        return {
            role: {"name": choice.name, "parameters": asdict(choice.parameters)}
            for role, choice in roles.items()
            if isinstance(choice, Choice)
        }


def pretrain_stage(pretext: Choice, backbone: Choice, corpus: ImageSet, seed: int) -> Stage:
    """Return the stage that pretrains ``backbone``; a pretext without corpus ignores it."""
    uses_corpus = pretext.parameters.uses_corpus
    content: dict[str, Any] = {
        "pretext": pretext.content,
        "backbone": backbone.content,
        "seed": seed,
    }
    if uses_corpus:
        content["corpus"] = _data(corpus, "train")
    return _stage(
        "pretrain",
        content,
        Pretrain(pretext, backbone, corpus.name if uses_corpus else None, seed),
        (),
        label=f"{pretext.label} · {backbone.label} · seed {seed}",
        method=f"{pretext.label} {backbone.label}",
    )


def finetune_stage(stage: Choice, upstream: Stage, id_set: ImageSet, seed: int) -> Stage:
    """Return the stage that trains ``upstream``'s checkpoint further on ``id_set``."""
    content = {
        "stage": stage.content,
        "checkpoint": upstream.key,
        "data": _data(id_set, "train"),
        "seed": seed,
    }
    return _stage(
        "finetune",
        content,
        Finetune(stage, upstream.ref, id_set.name, seed),
        (upstream.ref,),
        label=f"{upstream.label} → {stage.label} on {id_set.name}",
        method=f"{upstream.method} {stage.label}",
    )


def extract_stage(checkpoint: Stage, images: ImageSet, split: str) -> Stage:
    """Return the stage that extracts ``images``' ``split`` under a checkpoint."""
    content = {"checkpoint": checkpoint.key, "data": _data(images, split)}
    return _stage(
        "extract",
        content,
        Extract(checkpoint.ref, images.name, split),
        (checkpoint.ref,),
        label=f"{images.name}/{split} of {checkpoint.label}",
        method=f"{images.name}/{split}",
    )


def fit_key(scorer: Choice, train_bank: Stage) -> str:
    """Return the key of a scorer fitted on a train bank (and the head of its checkpoint)."""
    return key_of(
        {
            "kind": "fit",
            "version": VERSIONS["fit"],
            "scorer": scorer.content,
            "train": train_bank.key,
        }
    )


def scores_key(fit: str, bank: Stage) -> str:
    """Return the key of a fitted scorer's scores of one bank."""
    return key_of({"kind": "score", "version": VERSIONS["score"], "fit": fit, "bank": bank.key})


def score_key(id_scores: str, ood_scores: str, predictions: str) -> str:
    """Return the key of one evaluation: the content of a number.

    predictions: where predicted classes come from (``head`` or ``nearest class mean``).
    """
    return key_of(
        {
            "kind": "evaluate",
            "version": VERSIONS["evaluate"],
            "id": id_scores,
            "ood": ood_scores,
            "predictions": predictions,
        }
    )


def _data(images: ImageSet, split: str) -> dict[str, str]:
    return {"fingerprint": images.fingerprint, "split": split}


def _stage(
    kind: str,
    content: dict[str, Any],
    work: Pretrain | Finetune | Extract,
    inputs: tuple[Ref, ...],
    label: str,
    method: str,
) -> Stage:
    content = {"kind": kind, "version": VERSIONS[kind], **content}
    return Stage(Ref(kind, key_of(content)), content, work, inputs, label, method)
