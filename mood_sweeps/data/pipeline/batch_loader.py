"""Batches: labelled images as a network is fed them, transformed ahead of time where they fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.input_transforms import to_input

__all__ = ["BatchLoader"]

_AHEAD_BYTES = 2**30
"""Up to here all images are transformed once; beyond, each time they are asked for."""
_IN_ADVANCE = 2


class BatchLoader:
    """The images of a set in the form a network takes, by index, on one device.

    images: anything of labelled uint8 images. form: the ``input`` part of a network's description.
    device: where batches are wanted; what is transformed ahead stays there.
    """

    def __init__(
        self, images: LabelledImages, form: dict[str, Any], device: torch.device | str = "cpu"
    ) -> None:
        self._images, self._form, self._device = images, form, device
        size = 4 * len(images) * form["channels"] * form["size"] ** 2
        self._ahead = to_input(images, form).to(device) if size <= _AHEAD_BYTES else None

    def __len__(self) -> int:
        return len(self._images)

    def take(self, chosen: torch.Tensor) -> torch.Tensor:
        """Return the images at ``chosen``, int64 (n,): float32 (n, C, S, S)."""
        if self._ahead is not None:
            return self._ahead[chosen.to(self._ahead.device)]
        return to_input(self._images.take(chosen.numpy()), self._form).to(
            self._device, non_blocking=True
        )

    def stream(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield the images at each of ``parts`` in turn, as `take` returns them.

        What has to be transformed is, in a thread, while its predecessor is worked on.
        """
        if self._ahead is not None:
            yield from map(self.take, parts)
            return
        with ThreadPoolExecutor(1, "batches") as thread:
            coming: deque[Future[torch.Tensor]] = deque()
            try:
                for part in parts:
                    coming.append(thread.submit(self.take, part))
                    if len(coming) > _IN_ADVANCE:
                        yield coming.popleft().result()
                while coming:
                    yield coming.popleft().result()
            finally:
                for one in coming:
                    one.cancel()

    def in_order(self, size: int) -> list[torch.Tensor]:
        """Return the indices of batches of ``size`` that cover all images in their order."""
        return list(torch.split(torch.arange(len(self)), size))
