"""Where a stage ran: recorded in what it made, never in a key."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import version

__all__ = ["environment"]


@functools.cache  # reading the versions of installed packages takes milliseconds
def environment(gpu: str | None = None) -> Mapping[str, str]:
    """Return the class of what computes (the same class makes the same bytes), Python and host.

    gpu: the name of the GPU that computes; None where it is the CPU.
    """
    device = f"cpu {platform.machine()}" if gpu is None else f"cuda {gpu}"
    return {
        "class": f"{device} torch-{version('torch')} numpy-{version('numpy')}",
        "python": platform.python_version(),
        "host": platform.node(),
    }
