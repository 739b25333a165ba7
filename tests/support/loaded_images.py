"""Image sets that tests only read, each loaded once: drawing one takes a second."""

from __future__ import annotations

import functools

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.image_set import ImageArray

__all__ = ["loaded"]


@functools.cache
def loaded(name: str, split: str) -> ImageArray:
    """Return a split of an image set; treat as read-only."""
    images = image_set(name).open(split)
    assert isinstance(images, ImageArray)
    return images
