"""Pretext tasks: how the weights of a representation are learnt before any fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mood_sweeps.representations.recipe import Count, Fraction, Positive, Recipe

__all__ = ["PRETEXTS", "Classification", "Mim", "MoCoV3", "RandomWeights"]

ALL_FAMILIES = ("vit", "cnn", "other")


@dataclass(frozen=True)
class Mim(Recipe):
    """Masked image modelling: hide patches, reconstruct what was hidden.

    Hidden patches are a learnt mask token to the encoder; one linear layer predicts their pixels;
    the loss is the mean squared error over hidden patches (MAE, He et al. 2022; the encoder sees
    all positions as in SimMIM, Xie et al. 2022).

    target: what is reconstructed. mask_ratio: share of the patches hidden in each image.
    """

    version: ClassVar[int] = 1
    uses_corpus: ClassVar[bool] = True
    uses_labels: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ("vit",)

    epochs: Count = 100
    target: Literal["pixels"] = "pixels"
    mask_ratio: Fraction = 0.4


@dataclass(frozen=True)
class MoCoV3(Recipe):
    """Contrast between two views of each image and a momentum encoder (Chen et al. 2021, Alg. 1).

    temperature: of the softmax over the batch. momentum: of the key encoder at the start; it rises
    to 1 by a cosine. projection: outputs of projector and predictor. hidden: width inside them.
    """

    version: ClassVar[int] = 1
    uses_corpus: ClassVar[bool] = True
    uses_labels: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES

    epochs: Count = 35
    batch_size: Count = 64
    temperature: Positive = 0.2
    momentum: Fraction = 0.95
    projection: Count = 64
    hidden: Count = 128


@dataclass(frozen=True)
class Classification(Recipe):
    """Supervised classification of the corpus: cross-entropy on its labels; makes a head.

    label_smoothing: share of the target spread evenly over all classes.
    """

    version: ClassVar[int] = 1
    uses_corpus: ClassVar[bool] = True
    uses_labels: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = True
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES

    label_smoothing: Fraction = 0.0


@dataclass(frozen=True)
class RandomWeights:
    """No pretext task: freshly initialised weights, the baseline all others need."""

    version: ClassVar[int] = 1
    uses_corpus: ClassVar[bool] = False
    uses_labels: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES


PRETEXTS: dict[str, type[Any]] = {
    "mim": Mim,
    "mocov3": MoCoV3,
    "classification": Classification,
    "random": RandomWeights,
}
