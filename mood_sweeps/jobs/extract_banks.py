"""Extract stages: a checkpoint and a split of an image set in, a feature bank out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Ref, Store

__all__ = ["extract_banks", "images_of", "images_of_split"]


def extract_banks(
    checkpoint: Ref, stages: Sequence[Stage], store: Store
) -> Iterator[tuple[Stage, FeatureBank]]:
    """Yield the bank of each extract stage, loading the checkpoint once for all of them."""
    network = load(store.folder(checkpoint))
    for stage in stages:
        assert isinstance(stage.work, Extract)
        yield stage, extract(network, images_of(stage.work))


def images_of(work: Extract) -> LabelledImages:
    """Return the images that a bank is of, in its order."""
    return images_of_split(work.image_set, work.split, work.left_out)


def images_of_split(name: str, split: str, left_out: Sequence[int]) -> LabelledImages:
    """Return the images of a set's split, without those at the places that are left out."""
    images = image_set(name).load(split)
    if not left_out:
        return images
    return images.take(np.delete(np.arange(len(images)), left_out))
