"""Files of weights: safetensors, and torch's files read without running what is in them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch

from mood_sweeps.errors import InputError

__all__ = ["State", "read_weights"]

State = dict[str, torch.Tensor]
"""Weights by name."""

_ZIP, _PICKLE = b"PK\x03\x04", b"\x80\x02"
_INSIDE = ("state_dict", "model", "model_state_dict", "model_ema", "state_dict_ema")
_WRAPPERS = ("_orig_mod.", "module.", "_orig_mod.")  # torch.compile's and data-parallel's, nested


def read_weights(path: Path) -> State:
    """Return the weights in a file, by the names that its writer gave them.

    Of a training checkpoint its state dict is taken, the moving average only where it has no other.
    Raises InputError, naming the file, for what is no file of weights, is cut short or damaged, or
    would run code when read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start[8:] == b"{":
            found: Any = safetensors.torch.load_file(path)
        elif start.startswith((_ZIP, _PICKLE)):
            # Training scripts keep their arguments beside the weights, in a Namespace of values.
            with torch.serialization.safe_globals([argparse.Namespace]):
                found = torch.load(path, map_location="cpu", weights_only=True)
        else:
            raise InputError(f"{path} is neither a safetensors file nor a torch file of weights")
    except InputError:
        raise
    except UnpicklingError as error:
        raise InputError(f"{path} is refused: {_why(error)}") from None
    except Exception as error:  # each library has its own errors for a damaged file
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{path} is cut short or damaged: {lines[0]}") from None
    return _state(found, path)


def _state(found: Any, path: Path) -> State:
    while isinstance(found, Mapping):
        if found and all(isinstance(value, torch.Tensor) for value in found.values()):
            return {_unwrapped(name): value for name, value in found.items()}
        inside = next((found[key] for key in _INSIDE if isinstance(found.get(key), Mapping)), None)
        if inside is None:
            break
        found = inside
    keys = f" (it has {', '.join(map(str, list(found)[:8]))})" if isinstance(found, Mapping) else ""
    raise InputError(f"{path} holds no weights by name: neither itself nor its state_dict{keys}")


def _unwrapped(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    return name


def _why(error: Exception) -> str:
    """Return what torch's reader found in a pickle that is more than weights."""
    text = " ".join(str(error).split())
    called = re.search(r"(?:Unsupported global: GLOBAL|GLOBAL|class) ([\w.]+)", text)
    if called:
        return f"reading it would call {called[1]}, and weights need nothing of the kind"
    return f"it is no pickle of weights alone ({text[:200]})"
