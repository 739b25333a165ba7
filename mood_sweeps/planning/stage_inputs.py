"""What each kind of stage does, as plain values: the inputs of the code in ``jobs/``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.data.exposed_images import Indices
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.methods.tokenizers.declarations import TokenizerModel
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.store import Ref

__all__ = [
    "SHOWN_IMAGES",
    "EnsembleBank",
    "EnsembleHead",
    "Exposed",
    "ExternalBank",
    "ExternalHead",
    "Extract",
    "Finetune",
    "HashedFiles",
    "LoadFile",
    "LoadPublished",
    "Picture",
    "Pretrain",
    "Tokenizer",
    "Work",
]


@dataclass(frozen=True)
class Tokenizer:
    """Make a tokenizer of patches: train it on the corpus's train split, or read it from a file.

    corpus, seed: None where ``model`` is a file, which the choice's digest names.
    """

    model: Choice[TokenizerModel]
    corpus: PlannedSet | None
    seed: int | None


@dataclass(frozen=True)
class Pretrain:
    """Learn a backbone's weights by a pretext task on the corpus's train split.

    tokenizer: what makes the tokens it predicts, if it does.
    """

    pretext: Choice[Pretext]
    backbone: Choice[Backbone]
    corpus: PlannedSet | None
    seed: int
    tokenizer: Ref | None = None


@dataclass(frozen=True, eq=False)
class Exposed:
    """OOD images that a stage shows to a network: a set, and places in its ``all`` split."""

    images: ImageSet
    places: Indices


@dataclass(frozen=True)
class Finetune:
    """Train further from a checkpoint on the ID set's train split.

    seed: None where the stage uses none. exposed: the image set, and the places in its ``all``
    split, of the OOD images that it shows.
    """

    stage: Choice[FinetuneStage]
    checkpoint: Ref
    id_set: PlannedSet
    seed: int | None
    exposed: tuple[PlannedSet, Indices] | None = None


@dataclass(frozen=True)
class Extract:
    """Cache features and logits of one split of an image set under one checkpoint.

    left_out: places in the split of images that the bank is to be without.
    """

    checkpoint: Ref
    images: PlannedSet
    split: str
    left_out: Indices = ()


HashedFiles = tuple[tuple[str, str, str], ...]
"""(role, path, SHA-256) of the files of one set or head that the user has."""


@dataclass(frozen=True)
class ExternalHead:
    """Take over the head of features that the user has; None where they are headless."""

    head: HashedFiles | None


@dataclass(frozen=True)
class ExternalBank:
    """Take over one set of features that the user has, its logits by the head where it has none.

    is_id: whether its labels are the classes of the head.
    """

    files: HashedFiles
    head: HashedFiles | None
    is_id: bool


@dataclass(frozen=True)
class EnsembleHead:
    """Join the heads of several checkpoints; their features will stand side by side."""

    members: tuple[Ref, ...]


@dataclass(frozen=True)
class EnsembleBank:
    """Put the features of several banks of the same images side by side.

    ensemble: the object that has their head.
    """

    members: tuple[Ref, ...]
    ensemble: Ref


@dataclass(frozen=True)
class LoadPublished:
    """Take over published weights. with_head: and their classifier, as the head."""

    backbone: Choice[Backbone]
    tag: str
    revision: str
    transform: str
    with_head: bool

    @property
    def content(self) -> dict[str, Any]:
        """What enters the key: until the bytes are here, tag and revision stand for them."""
        weights: dict[str, Any] = {"timm": self.tag, "revision": self.revision}
        if self.with_head:
            weights["head"] = True
        return _content(weights, self.backbone, self.transform)


@dataclass(frozen=True)
class LoadFile:
    """Take over the weights in a file.

    digest: SHA-256 of its bytes. head_set: the image set that its classifier tells the classes of;
    None: it has none, or none of use. classes: how many these are. averaged: whether the moving
    average is taken where the file holds one.
    """

    backbone: Choice[Backbone]
    path: str
    digest: str
    layout: str
    transform: str
    head_set: str | None
    classes: int | None
    averaged: bool

    @property
    def content(self) -> dict[str, Any]:
        """What enters the key: the file's bytes, and how they are read; not its name."""
        # In every key, as files were once read otherwise: raw weights first.
        weights: dict[str, Any] = {"sha256": self.digest, "averaged": self.averaged}
        if self.layout != "auto":
            weights["layout"] = self.layout
        if self.classes is not None:
            weights["classes"] = self.classes
        return _content(weights, self.backbone, self.transform)


def _content(weights: dict[str, Any], backbone: Choice[Backbone], transform: str) -> dict[str, Any]:
    content: dict[str, Any] = {"weights": weights, "backbone": backbone.content}
    if transform != "own":
        content["transform"] = transform
    return content


SHOWN_IMAGES = 8
"""How many images of each split."""


@dataclass(frozen=True)
class Picture:
    """Show images of splits beside what a checkpoint makes of them.

    subject: ``reconstructions``, or ``background``: which patches ``ft:ssod`` takes for ID and OOD.
    shown: (image set, split), one line of the picture each. gamma: of ``ft:ssod``, for background.
    """

    checkpoint: Ref
    subject: str
    shown: tuple[tuple[PlannedSet, str], ...]
    gamma: float | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the picture's lines."""
        return tuple(f"{images.name}/{split}" for images, split in self.shown)

    @property
    def content(self) -> dict[str, Any]:
        """What enters the key, but for the images' own identity."""
        content = {"checkpoint": self.checkpoint.key, "subject": self.subject, "of": SHOWN_IMAGES}
        return content if self.gamma is None else {**content, "gamma": self.gamma}


Trained = Tokenizer | Pretrain | Finetune | LoadFile | LoadPublished
Work = Trained | Extract | ExternalHead | ExternalBank | EnsembleHead | EnsembleBank | Picture
