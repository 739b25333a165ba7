"""Extraction: a checkpoint turns images into a feature bank."""

from __future__ import annotations

import torch

from mood_sweeps.bank import FeatureBank
from mood_sweeps.datasets.image_set import LabelledImages
from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.networks import build
from mood_sweeps.representations.reproducible import reproducible
from mood_sweeps.representations.transforms import to_input

__all__ = ["extract"]


def extract(checkpoint: Checkpoint, images: LabelledImages, batch_size: int = 256) -> FeatureBank:
    """Return the pooled features of ``images`` and, with a head, their logits.

    Evaluation mode, no augmentation. Every batch is cut from the same sequence, so ``batch_size``
    changes results by rounding only.
    """
    # Building draws initial weights, which are overwritten: the caller's generator stays untouched.
    with reproducible(0, "extract"), torch.inference_mode():
        network = build(checkpoint.architecture).eval()
        network.load_state_dict(checkpoint.weights)
        tensor = to_input(images, checkpoint.architecture["input"])
        features = torch.cat([network(part) for part in torch.split(tensor, batch_size)]).numpy()
    logits = None
    if checkpoint.head is not None:
        logits = features @ checkpoint.head.weight.T + checkpoint.head.bias
    return FeatureBank(features, images.labels, logits)
