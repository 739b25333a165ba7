"""Extraction: a checkpoint turns images into a feature bank."""

from __future__ import annotations

import torch

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.data.image_set import LabelledImages, digest_of_ids
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.networks.build_network import build
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.torch_device import own_device

__all__ = ["bank_of", "extract"]


def extract(checkpoint: Checkpoint, images: LabelledImages, batch_size: int = 256) -> FeatureBank:
    """Return the pooled features of ``images`` and, with a head, their logits.

    Evaluation mode, no augmentation. Images keep their order, so ``batch_size`` changes results by
    rounding only.
    """
    # Building draws initial weights from torch's global generator; the caller's must not move.
    with reproducible(0, "extract"), torch.inference_mode():
        network = build(checkpoint.architecture).eval()
        network.load_state_dict(checkpoint.weights)
        device = own_device()
        network.to(device)
        batches = BatchLoader(images, checkpoint.architecture["input"], device)
        parts = [network(batch).cpu() for batch in batches.stream(batches.in_order(batch_size))]
    features = torch.cat(parts).numpy()
    return bank_of(features, images, checkpoint.head)


def bank_of(features: Floats, images: LabelledImages, head: Head | None) -> FeatureBank:
    """Return the bank of features (N, D), with the labels and ids of their images and logits."""
    logits = None if head is None else head.logits(features)
    return FeatureBank(features, images.labels, logits, ids_digest=digest_of_ids(images.ids))
