"""What a representation makes of single images, as arrays to be drawn."""

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
    sides_of,
)
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import build

__all__ = ["background", "reconstructions"]

Arrays = dict[str, npt.NDArray[Any]]


def reconstructions(checkpoint: Checkpoint, images: LabelledImages) -> Arrays:
    """Return images as the network is fed them, what its decoder makes of them, and how far off.

    ``image``, ``made``: float32 (N, C, S, S), pixels in [0, 1] (``made`` may leave that range).
    ``distance``: float64 (N,), Euclidean, what the scorer ``reconstruction`` is minus of.
    Raises InputError if the checkpoint has no decoder.
    """
    inputs = NetworkInputs(images, checkpoint.architecture["input"])[:]
    made = LiveNetwork(checkpoint).reconstruct(inputs, 0)
    shown, drawn = (_pixels(array, checkpoint) for array in (inputs, made))
    difference = shown.astype(np.float64) - drawn
    distance = np.sqrt(np.square(difference).sum(axis=(1, 2, 3)))
    return {"image": shown, "made": drawn, "distance": distance}


def background(checkpoint: Checkpoint, images: LabelledImages, gamma: float) -> Arrays:
    """Return images and what SSOD takes each position of their last feature map for.

    ``image``: float32 (N, C, S, S), pixels in [0, 1]. ``own``: float32 (N, R, R), confidence of the
    classifier in the image's own class. ``side``: int8 (N, R, R), 1 for ID, -1 for OOD, else 0.
    Raises InputError for a headless checkpoint or a map that is not square.
    """
    if checkpoint.head is None:
        raise InputError("this representation is headless, so no patch is taken for anything")
    form = checkpoint.architecture["input"]
    inputs = NetworkInputs(images, form)[:]
    with reproducible(0, "picture"), torch.inference_mode():
        network = build(checkpoint.architecture)
        network.load_state_dict(checkpoint.weights)
        _, positions = pooled_and_positions(network.eval(), torch.from_numpy(inputs))
        weight, bias = map(torch.tensor, (checkpoint.head.weight, checkpoint.head.bias))
        own = confidence_in(positions @ weight.T + bias, torch.from_numpy(images.labels))
        is_id, is_ood = sides_of(own, gamma)
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
