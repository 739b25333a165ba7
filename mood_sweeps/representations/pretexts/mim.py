"""Masked image modelling, declared; trained by ``objectives.mim``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mood_sweeps.representations.pretexts.task import Task
from mood_sweeps.representations.recipe import Count, Fraction, Presets

__all__ = ["Mim"]


@dataclass(frozen=True)
class Mim(Task):
    """Masked image modelling: hide patches, reconstruct what was hidden.

    Hidden patches are a learnt mask token to the encoder; one linear layer predicts their pixels;
    the loss is the mean squared error over hidden patches (MAE, He et al. 2022; the encoder sees
    all positions as in SimMIM, Xie et al. 2022).

    target: what is reconstructed. mask_ratio: share of the patches hidden in each image.
    """

    version: ClassVar[int] = 1
    families: ClassVar[tuple[str, ...]] = ("vit",)
    presets: ClassVar[Presets] = {
        # BEiT (Bao et al. 2022, Appendix H).
        "paper": {
            "epochs": 800,
            "batch_size": 2048,
            "learning_rate": 1.5e-3,
            "warmup": 10 / 800,
            "clip": 3.0,
        }
    }

    epochs: Count = 100
    target: Literal["pixels"] = "pixels"
    mask_ratio: Fraction = 0.4
