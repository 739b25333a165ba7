"""What a number's note says of weights from a file that held several: which were taken."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["weights_note"]


def weights_note(folder: Path) -> str | None:
    """Return which weights a checkpoint's object began with, where its file also held others."""
    path = folder / "checkpoint.json"
    if not path.exists():
        return None
    loaded = json.loads(path.read_text("utf-8"))["architecture"].get("loaded", {})
    if not loaded.get("others"):
        return None
    kind = "the moving average" if loaded["is_average"] else "the raw weights"
    return f"weights: {loaded['taken']}, {kind}, not {', '.join(loaded['others'])}"
