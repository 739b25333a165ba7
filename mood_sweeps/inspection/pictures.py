"""Reconstructions and patch decisions of a representation for single images, as arrays to draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.errors import InputError
from mood_sweeps.inspection.live_network import LiveNetwork, NetworkInputs
from mood_sweeps.methods.finetunes.ssod.objective import (
    confidence_in,
    pooled_and_positions,
    split_by_confidence,
)
from mood_sweeps.networks.build_network import build
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.reproducible import reproducible

__all__ = ["background", "reconstructions"]

Arrays = dict[str, npt.NDArray[Any]]


def reconstructions(checkpoint: Checkpoint, images: LabelledImages) -> Arrays:
    """Return images as inputs of the network, their reconstructions, and the distances.

    ``image``, ``made``: float32 (N, C, S, S), pixels in [0, 1] (``made`` may leave that range).
    ``distance``: float64 (N,), Euclidean, the negative of the scorer ``reconstruction``.
    Raises InputError if the checkpoint has no decoder.
    """
    inputs = NetworkInputs(images, checkpoint.architecture["input"])[:]
    made = LiveNetwork(checkpoint).reconstruct(inputs, 0)
    originals, reconstructed = (_pixels(array, checkpoint) for array in (inputs, made))
    difference = originals.astype(np.float64) - reconstructed
    distance = np.sqrt(np.square(difference).sum(axis=(1, 2, 3)))
    return {"image": originals, "made": reconstructed, "distance": distance}


def background(checkpoint: Checkpoint, images: LabelledImages, gamma: float) -> Arrays:
    """Return images, and whether SSOD counts positions of their last feature map as ID or OOD.

    ``image``: float32 (N, C, S, S), pixels in [0, 1]. ``own``: float32 (N, R, R), confidence of the
    classifier in the image's own class. ``side``: int8 (N, R, R), 1 for ID, -1 for OOD, else 0.
    Raises InputError for a headless checkpoint or a map that is not square.
    """
    if checkpoint.head is None:
        raise InputError("this representation is headless, so no patch counts as ID or OOD")
    form = checkpoint.architecture["input"]
    inputs = NetworkInputs(images, form)[:]
    with reproducible(0, "picture"), torch.inference_mode():
        network = build(checkpoint.architecture)
        network.load_state_dict(checkpoint.weights)
        _, positions = pooled_and_positions(network.eval(), torch.from_numpy(inputs))
        weight, bias = map(torch.tensor, (checkpoint.head.weight, checkpoint.head.bias))
        own = confidence_in(positions @ weight.T + bias, torch.from_numpy(images.labels))
        is_id, is_ood = split_by_confidence(own, gamma)
    side = is_id.to(torch.int8) - is_ood.to(torch.int8)
    across = round(own.shape[1] ** 0.5)
    if across**2 != own.shape[1]:
        raise InputError(f"a map of {own.shape[1]} positions is not square")
    maps = (array.reshape(-1, across, across).numpy() for array in (own, side))
    return {"image": _pixels(inputs, checkpoint), **dict(zip(("own", "side"), maps, strict=True))}


def _pixels(inputs: npt.NDArray[Any], checkpoint: Checkpoint) -> npt.NDArray[np.float32]:
    form = checkpoint.architecture["input"]
    mean, std = (np.asarray(form[name], np.float32)[:, None, None] for name in ("mean", "std"))
    pixels: npt.NDArray[np.float32] = (inputs * std + mean).astype(np.float32)
    return pixels
