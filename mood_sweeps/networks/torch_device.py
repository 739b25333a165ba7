"""Where networks run: the GPU that this process may use, else the CPU."""

from __future__ import annotations

import resource
import sys

import torch

__all__ = ["gpu_name", "own_device", "peak_memory_mb"]


def own_device() -> torch.device:
    """Return the device of this process; a Ray worker sees only the GPUs that Ray assigned."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def gpu_name(device: torch.device) -> str | None:
    """Return the name of a GPU, None for a CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory used so far: torch's on a GPU, else the whole process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
