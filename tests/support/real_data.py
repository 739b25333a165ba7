"""Real images in the folder that ``$MOOD_DATA`` names; tests that need them are skipped without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["real_data"]


def real_data(name: str) -> Path:
    """Return a folder or file under ``$MOOD_DATA``, such as ``cifar10``."""
    root = os.environ.get("MOOD_DATA")
    if not root:
        pytest.skip("MOOD_DATA names no folder with real images")
    found = Path(root) / name
    assert found.exists(), f"there is no {found}"
    return found
