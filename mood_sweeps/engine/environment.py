"""Where a stage ran, and with which code: recorded in what it made, never in a key."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from mood_sweeps.engine.code_version import DISTRIBUTION, commit

__all__ = ["environment", "launched_by"]

LIBRARIES = (
    "torch",
    "torchvision",
    "timm",
    "lightly",
    "numpy",
    "scipy",
    "scikit-learn",
)
"""Libraries with code behind a number."""


@functools.cache  # reading the versions of installed packages takes milliseconds
def environment(gpu: str | None = None) -> Mapping[str, str]:
    """Return the class of what computes (the same class makes the same bytes), the code and host.

    gpu: the name of the GPU that computes; None where it is the CPU. Beside ``class``, ``python``
    and ``host``: this package's version and, where it is known, ``commit``; the versions of
    ``LIBRARIES``. What the class does not name may differ between equal bytes.
    """
    device = f"cpu {platform.machine()}" if gpu is None else f"cuda {gpu}"
    code = commit()
    return {
        "class": f"{device} torch-{version('torch')} numpy-{version('numpy')}",
        "python": platform.python_version(),
        "host": platform.node(),
        **_versions((DISTRIBUTION,)),
        **({} if code is None else {"commit": code}),
        **_versions(LIBRARIES),
    }


def launched_by() -> str:
    """Return this package's version and commit in words, for what describes a launch."""
    known = {**_versions((DISTRIBUTION,)), "commit": commit()}
    words = [f"{name} {value}" for name, value in known.items() if value]
    return ", ".join(words) or "a version that is not known"


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from its sources, without being installed
            continue
    return found
