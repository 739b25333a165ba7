"""The GPU of this process, for modules that must not import torch."""

from __future__ import annotations

from mood_sweeps.networks.torch_device import gpu_name, own_device

__all__ = ["own_gpu"]


def own_gpu() -> str | None:
    """Return the name of the GPU that this process was given, None on a CPU."""
    return gpu_name(own_device())
