"""The images that a bank is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.planning.stage_inputs import Extract

__all__ = ["images_of", "images_of_split"]


def images_of(work: Extract) -> LabelledImages:
    """Return the images that a bank is of, in its order."""
    return images_of_split(work.image_set, work.split, work.left_out)


def images_of_split(name: str, split: str, left_out: Sequence[int]) -> LabelledImages:
    """Return the images of a set's split, without those at the places that are left out."""
    images = image_set(name).load(split)
    if not left_out:
        return images
    return images.take(np.delete(np.arange(len(images)), left_out))
