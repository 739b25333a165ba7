"""Picture stages: a checkpoint and some images in, arrays to be drawn out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.inspection.pictures import background, reconstructions
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.planning.picture import SHOWN_IMAGES, Picture
from mood_sweeps.store import Store

__all__ = ["make_picture"]


def make_picture(picture: Picture, store: Store) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of every line of a picture, named ``<line>.<array>``."""
    checkpoint = load(store.folder(picture.checkpoint))
    found = {}
    for line, (name, split) in enumerate(picture.shown):
        images = image_set(name).load(split)
        images = images.take(np.arange(min(SHOWN_IMAGES, len(images))))
        if picture.gamma is None:
            arrays = reconstructions(checkpoint, images)
        else:
            arrays = background(checkpoint, images, picture.gamma)
        found.update({f"{line}.{part}": array for part, array in arrays.items()})
    return found
