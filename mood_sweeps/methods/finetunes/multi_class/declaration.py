"""Supervised fine-tuning on all ID classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mood_sweeps.methods.finetunes.supervised_stage import MOODV1_VIEWS, AugmentedStage
from mood_sweeps.training.recipe import Presets

__all__ = ["MultiClass"]

_Alpha = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class MultiClass(AugmentedStage):
    """Train all weights and a new head on the ID classes by cross-entropy.

    preset: ``paper`` is MOODv1's, for weights after ``inter``; ``beit`` is BEiT's, for weights
    trained without labels.
    mixup, cutmix: α of the Beta distribution of the share of an image that is mixed with another
    one, or pasted from it (see ``training/augment/mixup_cutmix.py``); 0 for none. With both, each
    batch draws one of them.
    """

    trainer: ClassVar[str] = "mood_sweeps.methods.finetunes.multi_class.objective:train"
    presets: ClassVar[Presets] = {
        "paper": MOODV1_VIEWS,
        # BEiT (Bao et al. 2022), its code's command for BEiT-B/16 without intermediate
        # fine-tuning. For BEiT-L/16: 50 epochs, learning_rate 1e-3, layer_decay 0.75,
        # drop_path 0.2, warmup 5 / 50.
        "beit": {
            **MOODV1_VIEWS,
            "batch_size": 1024,
            "learning_rate": 4e-3,
            "weight_decay": 0.05,
            "warmup": 20 / 100,
            "layer_decay": 0.65,
            "drop_path": 0.1,
            "mixup": 0.8,
            "cutmix": 1.0,
        },
    }

    preset: Literal["auto", "nano", "paper", "beit"] = "auto"  # type: ignore[assignment]
    mixup: _Alpha = 0.0
    cutmix: _Alpha = 0.0
