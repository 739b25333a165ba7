"""The declaration of masked image modelling; ``objective.py`` trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from mood_sweeps.choice import OUT_OF_KEYS, Choice, Count, Fraction
from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.augmented_task import Augmented
from mood_sweeps.methods.tokenizers.declarations import Dvae, TokenizerModel
from mood_sweeps.methods.tokenizers.tokenizer_file import choose_file
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.patches import patches_of
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.recipe import Presets

__all__ = ["Mim"]

# As in the authors' code, which jitters every image by up to 0.4, but not its hue.
_PAPER = Augmentation(
    crop_scale=(0.08, 1.0),
    flip=0.5,
    jitter=1.0,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.0,
    interpolation="bicubic",
)


@dataclass(frozen=True)
class Mim(Augmented):
    """Masked image modelling (BEiT, Bao et al. 2022): hide patches, predict what was hidden.

    A learnt mask token replaces hidden patches in the encoder; a linear layer predicts them.

    target: ``tokens``, the visual tokens of hidden patches by a tokenizer, by cross-entropy;
    ``pixels``, the patches themselves, by squared error (the paper's own ablation).
    mask: ``block``, rectangles until mask_ratio of the patches are hidden; ``random``, single
    patches.
    normalise: with target pixels, whether each patch is normalised by its own mean and standard
    deviation (MAE, He et al. 2022).
    The tokenizer is trained first, on the same corpus and seed, once for all backbones with the
    same input. vocabulary, tokenizer_epochs: its number of tokens and its epochs; None for its
    preset's.
    tokenizer: a file with a trained tokenizer to use instead, relative to the experiment file: the
    ``model.safetensors`` of one trained here.
    """

    version: ClassVar[int] = 2
    objective: ClassVar[str] = "mood_sweeps.methods.pretexts.mim.objective:MimObjective"
    families: ClassVar[tuple[str, ...]] = ("vit",)
    makes_decoder: ClassVar[bool] = True
    presets: ClassVar[Presets] = {
        # BEiT (Bao et al. 2022, Appendix H).
        "paper": {
            "epochs": 800,
            "batch_size": 2048,
            "learning_rate": 1.5e-3,
            "warmup": 10 / 800,
            "clip": 3.0,
            "augmentation": "paper",
        }
    }
    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]] = {
        "nano": (Augmentation(),),
        "paper": (_PAPER,),
    }

    epochs: Count = 100
    target: Literal["pixels", "tokens"] = "pixels"
    mask: Literal["block", "random"] = "block"
    mask_ratio: Fraction = 0.4
    normalise: bool = True
    vocabulary: Count | None = None
    tokenizer_epochs: Count | None = None
    tokenizer: str | None = field(default=None, metadata=OUT_OF_KEYS)

    def __post_init__(self) -> None:
        super().__post_init__()
        of_training = ("vocabulary", "tokenizer_epochs")
        given = [name for name in (*of_training, "tokenizer") if getattr(self, name) is not None]
        if given and self.target != "tokens":
            raise InputError(f"pretext 'mim': {given[0]} goes with target: tokens only")
        if self.tokenizer is not None and len(given) > 1:
            raise InputError(f"pretext 'mim': {given[0]} is of a tokenizer that is trained")

    def tokenizer_for(
        self, backbone: Choice[Backbone], folder: Path
    ) -> Choice[TokenizerModel] | None:
        """Return the tokenizer that must exist before ``backbone`` can train; see `Pretext`."""
        if self.target != "tokens":
            return None
        if self.tokenizer is not None:
            return choose_file(self.tokenizer, folder, backbone)
        options = {"vocabulary": self.vocabulary, "epochs": self.tokenizer_epochs}
        given: dict[str, Any] = {
            name: value for name, value in options.items() if value is not None
        }
        patches = patches_of(backbone)
        recipe = Dvae(
            self.preset,
            image_size=patches.image_size,
            channels=patches.channels,
            patch_size=patches.patch_size,
            **given,
        )
        is_nano = backbone.parameters.is_nano
        return Choice("dvae", recipe.with_preset(given, is_nano=is_nano), given=frozenset(given))
