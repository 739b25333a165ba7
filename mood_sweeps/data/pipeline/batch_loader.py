"""Batches: labelled images as inputs of a network, transformed once if all fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.geometry import Geometry
from mood_sweeps.data.pipeline.input_transforms import normalised

__all__ = ["BatchLoader"]

_CACHE_BYTES = 2**30
"""Sets up to this size are transformed once and kept; larger ones at each access."""
_PREFETCHED = 2
_READ = 256
"""Images with originals in memory at the same time."""


class BatchLoader:
    """The images of a set in the form a network takes, by index, on one device.

    images: labelled uint8 images. form: the ``input`` part of a network's description. device: of
    the batches; images that are transformed once stay there. decoders: processes that read and
    resize images ahead of `stream`'s caller; with 0 this process does. Their number changes no bit.
    """

    def __init__(
        self,
        images: LabelledImages,
        form: dict[str, Any],
        device: torch.device | str = "cpu",
        decoders: int = 0,
    ) -> None:
        self._images, self._form, self._device = images, form, torch.device(device)
        self._fitted = _FittedImages(images, Geometry.of(form))
        self._decoders = decoders
        size = 4 * len(images) * form["channels"] * form["size"] ** 2
        self._transformed = None
        if size <= _CACHE_BYTES:
            # Originals may be far larger than what is kept of them: few are in memory at once.
            fitted = [self._fitted.__getitems__(part.tolist()) for part in self.in_order(_READ)]
            self._transformed = normalised(torch.cat(fitted), form).to(device)

    def __len__(self) -> int:
        return len(self._images)

    def take(self, indices: torch.Tensor) -> torch.Tensor:
        """Return the images at ``indices``, int64 (n,): float32 (n, C, S, S)."""
        if self._transformed is not None:
            return self._transformed[indices.to(self._transformed.device)]
        return self._to_device(self._fitted.__getitems__(indices.tolist()))

    def stream(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield the images at each of ``parts`` in turn, as `take` returns them."""
        if self._transformed is not None:
            yield from map(self.take, parts)
            return
        loader = DataLoader(
            self._fitted,
            batch_sampler=[part.tolist() for part in parts],
            collate_fn=_as_it_is,
            num_workers=self._decoders,
            prefetch_factor=_PREFETCHED if self._decoders else None,
            pin_memory=self._device.type == "cuda",
        )
        yield from map(self._to_device, loader)

    def in_order(self, size: int) -> list[torch.Tensor]:
        """Return the indices of batches of ``size`` that cover all images in their order."""
        return list(torch.split(torch.arange(len(self)), size))

    def _to_device(self, pixels: torch.Tensor) -> torch.Tensor:
        return normalised(pixels.to(self._device, non_blocking=True), self._form)


class _FittedImages(Dataset[torch.Tensor]):
    """Images cut to one geometry; a whole batch is read at once."""

    def __init__(self, images: LabelledImages, geometry: Geometry) -> None:
        self._images, self._geometry = images, geometry

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> torch.Tensor:
        """Return uint8 (n, S, S, C)."""
        images = self._images.read(np.array(indices, dtype=np.int64))
        return torch.from_numpy(self._geometry.fit_all(images))


def _as_it_is(batch: Any) -> Any:
    return batch
