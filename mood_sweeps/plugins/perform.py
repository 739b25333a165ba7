"""Call a function by its name, as a plugin's process does it for the process that asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["perform"]


def perform(
    function: str, arguments: Sequence[Any], into: Path, at_work: Callable[[], None]
) -> Any:
    """Return what ``module:function`` returns; see `StageRunner.perform`."""
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)(*arguments, into=into, at_work=at_work)
