"""Batches: labelled images as inputs of a network, transformed once if all fit into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.input_transforms import to_input

__all__ = ["BatchLoader"]

_CACHE_BYTES = 2**30
"""Sets up to this size are transformed once and kept; larger ones at each access."""
_PREFETCHED = 2


class BatchLoader:
    """The images of a set in the form a network takes, by index, on one device.

    images: labelled uint8 images. form: the ``input`` part of a network's description. device: of
    the batches; images that are transformed once stay there.
    """

    def __init__(
        self, images: LabelledImages, form: dict[str, Any], device: torch.device | str = "cpu"
    ) -> None:
        self._images, self._form, self._device = images, form, device
        size = 4 * len(images) * form["channels"] * form["size"] ** 2
        self._transformed = to_input(images, form).to(device) if size <= _CACHE_BYTES else None

    def __len__(self) -> int:
        return len(self._images)

    def take(self, indices: torch.Tensor) -> torch.Tensor:
        """Return the images at ``indices``, int64 (n,): float32 (n, C, S, S)."""
        if self._transformed is not None:
            return self._transformed[indices.to(self._transformed.device)]
        return to_input(self._images.take(indices.numpy()), self._form).to(
            self._device, non_blocking=True
        )

    def stream(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield the images at each of ``parts`` in turn, as `take` returns them.

        Images that are not transformed yet are, in a thread, while the caller uses earlier parts.
        """
        if self._transformed is not None:
            yield from map(self.take, parts)
            return
        with ThreadPoolExecutor(1, "batches") as thread:
            pending: deque[Future[torch.Tensor]] = deque()
            try:
                for part in parts:
                    pending.append(thread.submit(self.take, part))
                    if len(pending) > _PREFETCHED:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def in_order(self, size: int) -> list[torch.Tensor]:
        """Return the indices of batches of ``size`` that cover all images in their order."""
        return list(torch.split(torch.arange(len(self)), size))
