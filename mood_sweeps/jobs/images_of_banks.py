"""The images that a bank is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.planning.stage_inputs import Extract

__all__ = ["images_of", "images_of_split"]


def images_of(work: Extract) -> LabelledImages:
    """Return the images that a bank is of, in its order."""
    return images_of_split(work.images, work.split, work.left_out)


def images_of_split(planned: PlannedSet, split: str, left_out: Sequence[int]) -> LabelledImages:
    """Return the images of a set's split, without those at the indices that are left out."""
    images = planned.open().open(split)
    if not left_out:
        return images
    return images.take(np.delete(np.arange(len(images)), left_out))
