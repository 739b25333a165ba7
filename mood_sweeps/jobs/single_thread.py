"""A fixed number of threads inside a stage: the thread count changes the order of sums.

So that `inline` and `ray` agree to the last bit, a stage computes with one thread wherever it
runs; parallelism comes from running several stages side by side.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

__all__ = ["single_thread"]


@contextmanager
def single_thread() -> Iterator[None]:
    """Limit BLAS, OpenMP and (where it is loaded) torch to one thread inside the block."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else None
    with _controller(len(sys.modules)).limit(limits=1):
        if torch is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@functools.lru_cache(maxsize=1)
def _controller(n_modules: int) -> ThreadpoolController:
    """Find the libraries with threads (a millisecond), again when a module was imported since."""
    del n_modules
    return ThreadpoolController()
