"""How many threads the arithmetic may use. A sweep's stages use one; here the machine is ours."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

__all__ = ["at_most"]


def at_most(threads: int | None) -> AbstractContextManager[object]:
    """Limit BLAS and OpenMP inside the block; None leaves them what they take, all cores.

    The number of threads changes the order of sums, and so the last bits of scores.
    """
    if threads is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=threads)
    return limits
