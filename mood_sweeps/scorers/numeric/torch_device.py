"""Blocks of rows multiplied by torch, on a GPU or on the CPU.

Besides kept arrays (see `TorchDevice`), the device's memory holds one block and its results.
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

    keep: bytes for arrays that stay on the device while they live, because their parts are needed
        repeatedly: the first that fit. Parts of other arrays are sent one at a time. The default
        holds ten banks of 50,000 × 1024, and leaves space on a GPU of 8 GB.
    """

    xp = torch

    def __init__(self, name: str, keep: int = 2**32) -> None:
        self.name = f"torch on {name}"
        self._device = torch.device(name)
        self._free_bytes = keep
        self._kept: dict[int, torch.Tensor] = {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Compute deterministically, and float32 as float32, not as TF32."""
        # cuBLAS reads this when it starts; without it torch refuses to multiply deterministically.
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
                self._release(array)
            torch.cuda.empty_cache()  # others may share the GPU; without one it does nothing

    def send(self, array: npt.NDArray[Any]) -> torch.Tensor:
        """Return a copy of the array on the device, with its dtype."""
        return torch.tensor(array, device=self._device)

    def send_part(self, array: npt.NDArray[Any], index: slice | int) -> torch.Tensor:
        """Return ``array[index]`` on the device; an array that fits into ``keep`` is kept whole."""
        name = id(array)
        if name not in self._kept:
            if array.nbytes > self._free_bytes:
                return self.send(array[index])
            self._kept[name] = self.send(array)
            self._free_bytes -= array.nbytes
            # Another array may get this id when this one is gone.
            weakref.finalize(array, self._release, name)
        return self._kept[name][index]

    def _release(self, name: int) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._free_bytes += kept.nbytes

    def fetch(self, array: torch.Tensor) -> npt.NDArray[Any]:
        """Return an array of the device as a NumPy array, C-contiguous."""
        fetched: npt.NDArray[Any] = array.contiguous().cpu().numpy()
        return fetched

    def cast(self, array: torch.Tensor, dtype: npt.DTypeLike) -> torch.Tensor:
        """Return the array with numbers of another type, or itself."""
        return array.to(_torch_dtype(dtype))

    def empty(
        self, shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64
    ) -> torch.Tensor:
        """Return an array without initial values."""
        return torch.empty(shape, dtype=_torch_dtype(dtype), device=self._device)

    def row_squares(self, values: torch.Tensor) -> torch.Tensor:
        """Return Σ_j values_ij² of every row, added in float64, (n,)."""
        return values.double().square().sum(dim=1)

    def no_neighbours(self, rows: int, k: int) -> torch.Tensor:
        """Return the best k of no train points, (rows, k).

        Keys are those of `neighbour_keys` minus 2⁶³, because torch has signed integers only.
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
        """Return the best as keys of `neighbour_keys`, unordered."""
        return self.fetch(best).view(np.uint64) ^ np.uint64(2**63)


def cuda() -> TorchDevice:
    """Return this process's GPU; InputError where torch finds none."""
    if not torch.cuda.is_available():
        raise InputError("torch finds no GPU here; the device 'cpu' is everywhere")
    return TorchDevice("cuda")


def _torch_dtype(dtype: npt.DTypeLike) -> torch.dtype:
    result: torch.dtype = getattr(torch, np.dtype(dtype).name)
    return result
