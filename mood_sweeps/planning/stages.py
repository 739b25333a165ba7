"""Stages: units of work with an identity, as plain values. ``jobs/`` runs them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.data.exposed_images import Indices
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.identity import key_of
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.methods.tokenizers.declarations import TokenizerFile, TokenizerModel
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.planning.stage_inputs import (
    Exposed,
    ExternalBank,
    ExternalHead,
    Extract,
    Finetune,
    HashedFiles,
    LoadFile,
    LoadPublished,
    Pretrain,
    Tokenizer,
    Work,
)
from mood_sweeps.plugins.declared_entries import plugin_of
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.stage_kinds import STAGE_KINDS
from mood_sweeps.store import Ref
from mood_sweeps.tuning import Tuned

__all__ = [
    "Stage",
    "data_of",
    "external_bank_stage",
    "external_head_stage",
    "extract_stage",
    "finetune_stage",
    "load_stage",
    "pretrain_stage",
    "stage_of",
    "tokenizer_stage",
]


@dataclass(frozen=True, eq=False)
class Stage:
    """One unit of work: its identity (content), its inputs, and its name for readers (label).

    ``method`` groups measured durations: stages of equal methods cost about the same.
    plugins: performing it needs their code. network_plugin: the one that builds the network of the
    checkpoint that it makes, or reads.
    """

    ref: Ref
    content: dict[str, Any]
    work: Work
    inputs: tuple[Ref, ...]
    label: str
    method: str
    plugins: tuple[Plugin, ...] = ()
    network_plugin: Plugin | None = None

    @property
    def key(self) -> str:
        """The content key."""
        return self.ref.key

    @property
    def kind(self) -> str:
        """One of `STAGE_KINDS` that has objects of its own."""
        return self.ref.kind

    @property
    def trained(self) -> Choice[Pretext] | Choice[FinetuneStage] | None:
        """The choice that it trains, which a ``tune:`` block may search for parameters of."""
        if isinstance(self.work, Pretrain):
            return self.work.pretext
        return self.work.stage if isinstance(self.work, Finetune) else None

    @property
    def tuned(self) -> Tuned[Pretext] | Tuned[FinetuneStage] | None:
        """The tuned choice, where the parameters of the stage are searched for."""
        return self.trained if isinstance(self.trained, Tuned) else None

    @property
    def n_micro_batches(self) -> int:
        """The number of micro-batches in each batch, which several workers may share."""
        if self.trained is None or isinstance(self.trained, Tuned) or self.plugins:
            return 1
        return self.trained.parameters.n_micro_batches

    def trials(self) -> tuple[Stage, ...]:
        """Return the trainings that a stage that is tuned tries, each of one setting.

        There are none where it is not tuned. They share the stage's key: none of them has an
        object of its own. Raises InputError for a setting with values that exclude each other.
        """
        work = self.work
        trials: tuple[Work, ...] = ()
        if isinstance(work, Pretrain) and isinstance(work.pretext, Tuned):
            tasks = work.pretext.candidates(work.seed)
            trials = tuple(replace(work, pretext=choice) for choice in tasks)
        elif isinstance(work, Finetune) and isinstance(work.stage, Tuned):
            stages = work.stage.candidates(work.seed or 0)
            trials = tuple(replace(work, stage=choice) for choice in stages)
        return tuple(replace(self, work=trial) for trial in trials)

    def choices(self) -> dict[str, Any]:
        """Return its choices by role, with all parameters, defaults included."""
        roles = {field.name: getattr(self.work, field.name) for field in fields(self.work)}
        return {
            role: {"name": choice.name, "parameters": choice.described}
            for role, choice in roles.items()
            if isinstance(choice, Choice)
        }


def tokenizer_stage(model: Choice[TokenizerModel], corpus: ImageSet, seed: int) -> Stage:
    """Return the stage that makes a tokenizer; one from a file ignores corpus and seed."""
    content: dict[str, Any] = {"model": model.content}
    if isinstance(model.parameters, TokenizerFile):
        work = Tokenizer(model, None, None)
        return stage_of("tokenizer", content, work, (), model.label, method=model.name)
    content |= {"seed": seed, "corpus": data_of(corpus, "train")}
    return stage_of(
        "tokenizer",
        content,
        Tokenizer(model, PlannedSet.of(corpus), seed),
        (),
        label=f"{model.label} · seed {seed}",
        method=model.label,
    )


def pretrain_stage(
    pretext: Choice[Pretext],
    backbone: Choice[Backbone],
    corpus: ImageSet,
    seed: int,
    tokenizer: Stage | None = None,
) -> Stage:
    """Return the stage that pretrains ``backbone``; a pretext without corpus ignores it.

    tokenizer: the stage of the tokenizer, for a task that predicts tokens.
    """
    uses_corpus = pretext.parameters.uses_corpus
    content: dict[str, Any] = {
        "pretext": pretext.content,
        "backbone": backbone.content,
        "seed": seed,
    }
    if uses_corpus:
        content["corpus"] = data_of(corpus, "train")
    if tokenizer is not None:
        content["tokenizer"] = tokenizer.key
    inputs = (tokenizer.ref,) if tokenizer is not None else ()
    return stage_of(
        "pretrain",
        content,
        Pretrain(pretext, backbone, PlannedSet.of(corpus) if uses_corpus else None, seed, *inputs),
        inputs,
        label=f"{pretext.label} · {backbone.label} · seed {seed}",
        method=f"{pretext.label} {backbone.label}",
        plugins=_plugins_of(pretext, backbone),
        network_plugin=plugin_of(backbone.parameters),
    )


def load_stage(work: LoadFile | LoadPublished, label: str) -> Stage:
    """Return the stage that loads weights that others trained: no corpus, no seed."""
    return stage_of(
        "load",
        work.content,
        work,
        (),
        label,
        method=work.backbone.label,
        plugins=_plugins_of(work.backbone),
        network_plugin=plugin_of(work.backbone.parameters),
    )


def finetune_stage(
    stage: Choice[FinetuneStage],
    upstream: Stage,
    id_set: ImageSet,
    seed: int | None,
    exposed: Exposed | None = None,
) -> Stage:
    """Return the stage that trains ``upstream``'s checkpoint further on ``id_set``.

    seed: None for a stage that uses none.
    """
    content: dict[str, Any] = {
        "stage": stage.content,
        "checkpoint": upstream.key,
        "data": data_of(id_set, "train"),
    }
    if seed is not None:
        content["seed"] = seed
    shown = None
    if exposed is not None:
        content["exposed"] = {
            **data_of(exposed.images, "all"),
            "images": key_of(exposed.places),
        }
        shown = (PlannedSet.of(exposed.images), exposed.places)
    return stage_of(
        "finetune",
        content,
        Finetune(stage, upstream.ref, PlannedSet.of(id_set), seed, shown),
        (upstream.ref,),
        label=f"{upstream.label} → {stage.label} on {id_set.name}",
        method=f"{upstream.method} {stage.label}",
        plugins=_plugins_of(upstream.network_plugin, stage),
        network_plugin=upstream.network_plugin,
    )


def extract_stage(checkpoint: Stage, images: ImageSet, split: str, left_out: Indices = ()) -> Stage:
    """Return the stage that extracts ``images``' ``split`` under a checkpoint.

    left_out: indices in the split of images that the bank leaves out.
    """
    content: dict[str, Any] = {"checkpoint": checkpoint.key, "data": data_of(images, split)}
    label = f"{images.name}/{split}"
    if left_out:
        content["left_out"] = key_of(left_out)
        label += f" less {len(left_out)}"
    return stage_of(
        "extract",
        content,
        Extract(checkpoint.ref, PlannedSet.of(images), split, left_out),
        (checkpoint.ref,),
        label=f"{label} of {checkpoint.label}",
        method=f"{images.name}/{split}",
        plugins=_plugins_of(checkpoint.network_plugin),
        network_plugin=checkpoint.network_plugin,
    )


def external_head_stage(
    label: str, head: HashedFiles | None, train: HashedFiles, test: HashedFiles
) -> Stage:
    """Return the stage of a representation of external features; its object holds the head.

    Its key holds the train and test files as well, so that headless representations differ.
    """
    content = {"train": _bytes(train), "test": _bytes(test)}
    if head is not None:
        content["head"] = _bytes(head)
    return stage_of("given", content, ExternalHead(head), (), label, method="head")


def external_bank_stage(
    label: str, files: HashedFiles, head: HashedFiles | None, *, is_id: bool
) -> Stage:
    """Return the stage that imports one set of a representation of external features.

    The head is in the key, because it computes logits and because fits have the key of their bank.
    """
    content: dict[str, Any] = {"files": _bytes(files), "is_id": is_id}
    if head is not None:
        content["head"] = _bytes(head)
    return stage_of("given", content, ExternalBank(files, head, is_id), (), label, method="bank")


def _plugins_of(*parts: Choice[Any] | Plugin | None) -> tuple[Plugin, ...]:
    """Return each plugin among or behind these once."""
    found = (plugin_of(one.parameters) if isinstance(one, Choice) else one for one in parts)
    return tuple({one.key: one for one in found if one is not None}.values())


def _bytes(files: HashedFiles) -> dict[str, str]:
    return {role: digest for role, _, digest in files}


def data_of(images: ImageSet, split: str) -> dict[str, str]:
    """Return the identity of a split of an image set, for keys; its name is no part of it."""
    return {"fingerprint": images.fingerprint, "split": split}


def stage_of(
    kind: str,
    content: dict[str, Any],
    work: Work,
    inputs: tuple[Ref, ...],
    label: str,
    method: str,
    plugins: tuple[Plugin, ...] = (),
    network_plugin: Plugin | None = None,
) -> Stage:
    """Return the stage of this kind and content, with the current version of the kind."""
    assert STAGE_KINDS[kind].uses_seed or "seed" not in content
    content = {"kind": kind, "version": STAGE_KINDS[kind].version, **content}
    ref = Ref(kind, key_of(content))
    return Stage(ref, content, work, inputs, label, method, plugins, network_plugin)
