"""Image sets: real and generated, with fixed splits, each with a content digest."""

from __future__ import annotations

from mood_sweeps.data.catalogue import DATASETS, Source, image_set
from mood_sweeps.data.image_set import ImageArray, ImageSet, LabelledImages

__all__ = ["DATASETS", "ImageArray", "ImageSet", "LabelledImages", "Source", "image_set"]
