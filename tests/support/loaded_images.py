"""Image sets that tests only read, each loaded once: drawing one takes a second."""

from __future__ import annotations

import functools

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.image_set import LabelledImages

__all__ = ["loaded"]


@functools.cache
def loaded(name: str, split: str) -> LabelledImages:
    """Return a split of an image set; treat as read-only."""
    return image_set(name).load(split)
