"""What each kind of stage does, as plain values: the inputs of the code in ``jobs/``."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.choice import Choice
from mood_sweeps.data.exposed_images import Indices
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.methods.tokenizers.declarations import TokenizerModel
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.planning.load_weights import LoadFile, LoadPublished
from mood_sweeps.planning.picture import Picture
from mood_sweeps.store import Ref

__all__ = [
    "EnsembleBank",
    "EnsembleHead",
    "Exposed",
    "ExternalBank",
    "ExternalHead",
    "Extract",
    "Finetune",
    "HashedFiles",
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
    corpus: str | None
    seed: int | None


@dataclass(frozen=True)
class Pretrain:
    """Learn a backbone's weights by a pretext task on the corpus's train split.

    tokenizer: what makes the tokens it predicts, if it does.
    """

    pretext: Choice[Pretext]
    backbone: Choice[Backbone]
    corpus: str | None
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
    id_set: str
    seed: int | None
    exposed: tuple[str, Indices] | None = None


@dataclass(frozen=True)
class Extract:
    """Cache features and logits of one split of an image set under one checkpoint.

    left_out: places in the split of images that the bank is to be without.
    """

    checkpoint: Ref
    image_set: str
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


Trained = Tokenizer | Pretrain | Finetune | LoadFile | LoadPublished
Work = Trained | Extract | ExternalHead | ExternalBank | EnsembleHead | EnsembleBank | Picture
