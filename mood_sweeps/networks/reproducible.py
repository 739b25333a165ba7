"""Reproducibility: within a block, random numbers depend on its seed alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from mood_sweeps.identity import derive_seed

__all__ = ["reproducible", "stream"]

_FILL: Any = torch.utils.deterministic  # documented, but absent from torch's annotations


@contextmanager
def reproducible(seed: int, kind: str) -> Iterator[None]:
    """Run a block with torch's global generator seeded and deterministic algorithms on.

    Both are restored afterwards, so a block neither depends on nor changes the state around it.
    The number of threads changes the order of sums; the caller fixes it.
    """
    # cuBLAS reads this when it starts; torch raises on matrix products on a GPU without it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic = torch.are_deterministic_algorithms_enabled()
    fills_memory = _FILL.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, kind, "global"))
        torch.use_deterministic_algorithms(True)
        # torch would fill every fresh tensor with NaN, to expose code that reads before it writes.
        # We have no such code, and filling takes a tenth of a nano network's training time.
        _FILL.fill_uninitialized_memory = False
        try:
            yield
        finally:
            _FILL.fill_uninitialized_memory = fills_memory
            torch.use_deterministic_algorithms(deterministic)


def stream(seed: int, kind: str, role: str) -> torch.Generator:
    """Return a separate generator for one role: draws of one role never shift those of another."""
    return torch.Generator().manual_seed(derive_seed(seed, kind, role))
