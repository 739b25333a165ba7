"""Blocks of rows multiplied by torch, on a GPU or on torch's own CPU.

Beside what is kept (see `TorchDevice`), memory there holds one block and what is made of it.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mood_sweeps.errors import InputError
from mood_sweeps.scorers.numeric.neighbour_keys import Keys

__all__ = ["TorchDevice", "cuda"]

_LAST = 2**32 - 1
_NONE = -(2**63)
_FILLING: Any = torch.utils.deterministic  # documented, but absent from torch's annotations


class TorchDevice:
    """A device of torch (see `mood_sweeps.scorers.numeric.array_device.Device`).

    keep: bytes of arrays that stay there while they live, because parts of them are asked for
        again and again: what comes first. Parts of others are sent one at a time. The default
        holds ten banks of 50,000 × 1024, and leaves room beside it on a GPU of 8 GB.
    """

    xp = torch

    def __init__(self, name: str, keep: int = 2**32) -> None:
        self.name = f"torch on {name}"
        self._device = torch.device(name)
        self._room = keep
        self._kept: dict[int, torch.Tensor] = {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Compute deterministically, and in float32 where float32 is asked for, not TF32."""
        # cuBLAS reads it when it starts; without it torch refuses to multiply deterministically.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        precision = torch.get_float32_matmul_precision()
        deterministic = torch.are_deterministic_algorithms_enabled()
        filling = _FILLING.fill_uninitialized_memory
        torch.set_float32_matmul_precision("highest")
        torch.use_deterministic_algorithms(True)
        _FILLING.fill_uninitialized_memory = False
        try:
            yield
        finally:
            _FILLING.fill_uninitialized_memory = filling
            torch.use_deterministic_algorithms(deterministic)
            torch.set_float32_matmul_precision(precision)
            for array in list(self._kept):
                self._let_go(array)
            torch.cuda.empty_cache()  # others may share the GPU; without one it does nothing

    def take(self, array: npt.NDArray[Any]) -> torch.Tensor:
        """Return a copy of the array there, of the type it has: what is narrow is sent narrow."""
        return torch.tensor(array, device=self._device)

    def part(self, array: npt.NDArray[Any], index: slice | int) -> torch.Tensor:
        """Return ``array[index]`` there; of an array for which there is room, all of it is kept."""
        name = id(array)
        if name not in self._kept:
            if array.nbytes > self._room:
                return self.take(array[index])
            self._kept[name] = self.take(array)
            self._room -= array.nbytes
            # An id is another array's once this one is gone.
            weakref.finalize(array, self._let_go, name)
        return self._kept[name][index]

    def _let_go(self, name: int) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._room += kept.nbytes

    def give(self, array: torch.Tensor) -> npt.NDArray[Any]:
        """Return what was computed there, C-contiguous."""
        given: npt.NDArray[Any] = array.contiguous().cpu().numpy()
        return given

    def cast(self, array: torch.Tensor, dtype: npt.DTypeLike) -> torch.Tensor:
        """Return the array with numbers of another type, or itself."""
        return array.to(_of_torch(dtype))

    def empty(
        self, shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64
    ) -> torch.Tensor:
        """Return an array without initial values."""
        return torch.empty(shape, dtype=_of_torch(dtype), device=self._device)

    def row_squares(self, values: torch.Tensor) -> torch.Tensor:
        """Return Σ_j values_ij² of every row, added in float64, (n,)."""
        return values.double().square().sum(dim=1)

    def no_neighbours(self, rows: int, k: int) -> torch.Tensor:
        """Return the best k of no train points, (rows, k).

        Keys are those of `nearest_keys`, moved down by 2⁶³: torch orders signed integers.
        """
        return torch.full((rows, k), _NONE, dtype=torch.int64, device=self._device)

    def merge(self, best: torch.Tensor, similarities: torch.Tensor, seen: int) -> None:
        """Update the ``best`` (b, k) of the first ``seen`` train points by the next w, (b, w)."""
        bits = (similarities + 0.0).view(torch.int32)
        rising = torch.where(bits < 0, bits ^ (2**31 - 1), bits).long()
        first = _LAST - seen
        falling = torch.arange(first, first - similarities.shape[1], -1, device=self._device)
        both = torch.cat([best, rising * 2**32 + falling], dim=1)
        best[:] = both.topk(best.shape[1], dim=1, sorted=False).values

    def neighbours(self, best: torch.Tensor) -> Keys:
        """Return the best as numbers of `nearest_keys`, in no order."""
        return self.give(best).view(np.uint64) ^ np.uint64(2**63)


def cuda() -> TorchDevice:
    """Return this process's GPU; InputError where torch finds none."""
    if not torch.cuda.is_available():
        raise InputError("torch finds no GPU here; the device 'cpu' is everywhere")
    return TorchDevice("cuda")


def _of_torch(dtype: npt.DTypeLike) -> torch.dtype:
    found: torch.dtype = getattr(torch, np.dtype(dtype).name)
    return found
