"""The contracts of a value of the pretext axis, and of a task that is trained here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mood_sweeps.choice import Choice
from mood_sweeps.methods.declaration import Declaration
from mood_sweeps.methods.tokenizers.declarations import TokenizerModel
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.training.recipe import Recipe

__all__ = ["ALL_FAMILIES", "Pretext", "PretextTask"]

ALL_FAMILIES = ("vit", "cnn", "other")


@dataclass(frozen=True)
class Pretext(Declaration):
    """Where the weights of a backbone come from; a declaration, imported without torch.

    version: raise it when the same inputs would give other weights. is_loaded: whether
    others trained the weights. uses_corpus, uses_seed: whether they enter the key. makes_head:
    whether the checkpoint has a classifier of the corpus' classes. makes_decoder: whether it can
    reconstruct images. families: the backbone families that it supports. drops_patches: whether the
    network processes only some patches of an image, which not every ViT can. Planning refuses all
    other backbones. is_tunable: whether a ``tune:`` block can search for its parameters.
    """

    version: ClassVar[int]
    is_loaded: ClassVar[bool] = False
    uses_corpus: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = False
    makes_head: ClassVar[bool] = False
    makes_decoder: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES
    drops_patches: ClassVar[bool] = False
    is_tunable: ClassVar[bool] = False

    def tokenizer_for(
        self, backbone: Choice[Backbone], folder: Path
    ) -> Choice[TokenizerModel] | None:
        """Return the tokenizer that must exist before ``backbone`` can train, None for most tasks.

        folder: paths of files are relative to it.
        """
        del backbone, folder
        return None


@dataclass(frozen=True)
class PretextTask(Recipe, Pretext):
    """A pretext task that is trained here; by default on images without their labels, seeded.

    objective: ``module:Class`` of the torch module that trains it, a `PretextObjective`; the worker
    imports it.
    """

    uses_corpus: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = True
    is_tunable: ClassVar[bool] = True
    objective: ClassVar[str]
