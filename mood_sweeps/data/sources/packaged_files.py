"""Data files inside the scikit-learn package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

__all__ = ["sklearn_file"]


def sklearn_file(relative: str) -> Path:
    """Return the path of a file under ``sklearn/datasets``.

    The package is located but not imported: ``import sklearn.datasets`` takes seconds (it pulls in
    scipy), and planning a sweep must not. Raises FileNotFoundError where it is missing.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"scikit-learn is not installed; its {relative} is needed")
    path = Path(spec.origin).parent / "datasets" / relative
    if not path.is_file():
        raise FileNotFoundError(f"this scikit-learn has no {relative} (looked for {path})")
    return path
