"""The declarations of tokenizers: a discrete VAE that is trained here, or one from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from mood_sweeps.choice import OUT_OF_KEYS, Count, Positive
from mood_sweeps.training.recipe import Presets, Recipe

__all__ = ["Dvae", "TokenizerFile", "TokenizerModel"]


@dataclass(frozen=True)
class Dvae(Recipe):
    """A discrete VAE, trained on images without labels (Ramesh et al. 2021, §2.1 and Appendix A).

    The encoder predicts for each patch a distribution over ``vocabulary`` entries of a codebook. A
    sample of it, relaxed by Gumbel noise and a temperature, weights the entries from which the
    decoder reconstructs the image. The loss is the squared error of the image plus kl_weight times
    the divergence of the distribution from the uniform one, in nats per patch.

    image_size, channels, patch_size: of its input, the side and the patch in pixels. vocabulary:
    number of tokens. width: channels of codebook and layers. blocks: residual blocks in the
    encoder, and in the decoder. warm_temperature, cold_temperature: at the start and at the end,
    with a cosine between.
    """

    version: ClassVar[int] = 1
    presets: ClassVar[Presets] = {
        # DALL-E's (Ramesh et al. 2021, Appendix A), which BEiT uses: vocabulary, batch, rate,
        # decay, temperatures. Its 3 million updates are 6 passes over 250 million images, too few
        # epochs for a smaller corpus; epochs, width and blocks are our choice for this simpler
        # network.
        "paper": {
            "epochs": 50,
            "batch_size": 512,
            "learning_rate": 1e-4,
            "weight_decay": 1e-4,
            "vocabulary": 8192,
            "width": 256,
            "blocks": 4,
        }
    }

    epochs: Count = 20
    weight_decay: float = 0.0
    image_size: Count = 8
    channels: Count = 1
    patch_size: Count = 2
    vocabulary: Count = 64
    width: Count = 32
    blocks: Count = 1
    kl_weight: Positive = 0.1
    warm_temperature: Positive = 1.0
    cold_temperature: Positive = 1 / 16


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer with weights from a file, ``model.safetensors`` of one trained here.

    The shapes in the file determine the network. The SHA-256 of the file's bytes identifies the
    tokenizer, as the choice's digest.
    """

    version: ClassVar[int] = 1

    path: str = field(metadata=OUT_OF_KEYS)


TokenizerModel = Dvae | TokenizerFile
