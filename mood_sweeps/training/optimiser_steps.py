"""Hear of every optimiser step of this process, whichever training takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch.optim.optimizer import register_optimizer_step_post_hook

__all__ = ["acting_after_steps"]


@contextmanager
def acting_after_steps(act: Callable[[], None]) -> Iterator[None]:
    """Call ``act`` after every step of any torch optimiser inside the block."""
    handle = register_optimizer_step_post_hook(lambda *_: act())
    try:
        yield
    finally:
        handle.remove()
