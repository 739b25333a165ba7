"""The declaration of masked autoencoding; ``objective.py`` trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Count, Fraction
from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.augmented_task import Augmented
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.recipe import Presets

__all__ = ["Mae"]


@dataclass(frozen=True)
class Mae(Augmented):
    """Masked autoencoder (He et al. 2022): encode the visible patches, decode the hidden ones.

    The encoder processes only the visible patches, which makes it fast. A small transformer, which
    the published network leaves out, inserts mask tokens and predicts pixels; the loss is the mean
    squared error over hidden patches.

    mask_ratio: share of the patches hidden in each image. decoder_depth, decoder_width,
    decoder_heads: blocks of the decoder, width and attention heads of each; the width is a multiple
    of 4 and of heads. normalise: whether each target patch is normalised by its own mean and
    standard deviation.
    """

    version: ClassVar[int] = 1
    objective: ClassVar[str] = "mood_sweeps.methods.pretexts.mae.objective:MaeObjective"
    families: ClassVar[tuple[str, ...]] = ("vit",)
    makes_decoder: ClassVar[bool] = True
    drops_patches: ClassVar[bool] = True
    presets: ClassVar[Presets] = {
        # The paper's Table 8, its §4 for mask and decoder, the authors' code for the crops.
        "paper": {
            "epochs": 800,
            "batch_size": 4096,
            "learning_rate": 1.5e-4,
            "base_batch_size": 256,
            "beta2": 0.95,
            "warmup": 40 / 800,
            "augmentation": "paper",
            "mask_ratio": 0.75,
            "decoder_depth": 8,
            "decoder_width": 512,
            "decoder_heads": 16,
            "normalise": True,
        }
    }
    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]] = {
        "nano": (Augmentation(),),
        "paper": (Augmentation(crop_scale=(0.2, 1.0), flip=0.5, interpolation="bicubic"),),
    }

    epochs: Count = 100
    mask_ratio: Fraction = 0.75
    decoder_depth: Count = 1
    decoder_width: Count = 32
    decoder_heads: Count = 2
    normalise: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decoder_width % 4 or self.decoder_width % self.decoder_heads:
            raise InputError(
                f"decoder_width ({self.decoder_width}) must be a multiple of 4 and of "
                f"decoder_heads ({self.decoder_heads})"
            )
