"""Reproducibility: within a block, random numbers depend on its seed alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from mood_sweeps.identity import derive_seed

__all__ = ["reproducible", "stream"]

_FILLING: Any = torch.utils.deterministic  # documented, but absent from torch's annotations


@contextmanager
def reproducible(seed: int, kind: str) -> Iterator[None]:
    """Run a block with torch's global generator seeded and deterministic algorithms on.

    Both are put back afterwards, so a block neither sees nor changes what surrounds it. The number
    of threads changes the order of sums and is the caller's to fix.
    """
    # cuBLAS reads it when it starts; without it torch refuses deterministic products on a GPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic = torch.are_deterministic_algorithms_enabled()
    filling = _FILLING.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, kind, "global"))
        torch.use_deterministic_algorithms(True)
        # Writing NaN into every fresh tensor finds code that reads before it writes; nothing here
        # does, and the writes take a tenth of a nano network's training time.
        _FILLING.fill_uninitialized_memory = False
        try:
            yield
        finally:
            _FILLING.fill_uninitialized_memory = filling
            torch.use_deterministic_algorithms(deterministic)


def stream(seed: int, kind: str, role: str) -> torch.Generator:
    """Return a generator of its own for one role, so that roles never shift each other."""
    return torch.Generator().manual_seed(derive_seed(seed, kind, role))
