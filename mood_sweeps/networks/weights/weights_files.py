"""Files of weights: safetensors, and torch's files, read without running code in them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch

from mood_sweeps.errors import InputError

__all__ = ["State", "WeightsRead", "read_weights"]

State = dict[str, torch.Tensor]
"""Weights by name."""

_ZIP, _PICKLE = b"PK\x03\x04", b"\x80\x02"
# Keys under which training scripts keep weights; the first that exists is used.
_AVERAGES = (
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema_model",
    "model_ema_state_dict",
    "ema_model_state_dict",
    "model_state_dict_ema",
    "ema",
    "ema_weights",
    "swa_state_dict",
    "swa_model",
    "swa_model_state_dict",
    "averaged_model",
    "averaged_model_state_dict",
)
_RAW = ("state_dict", "model", "model_state_dict", "net", "module")
_INSIDE_AVERAGES = ("shadow",)  # keys inside an entry of _AVERAGES
_WRAPPERS = ("_orig_mod.", "module.", "_orig_mod.")  # torch.compile's and data-parallel's, nested


@dataclass(frozen=True, eq=False)
class WeightsRead:
    """The weights that were read from a file, and the names of its other weights.

    taken: the keys that lead to them, "state_dict_ema" or "ema.module"; empty: the file itself.
    is_average: whether they are the moving average of a training's weights. others: the keys of the
    weights that were not read (the average or the raw ones), and of entries with unknown names that
    hold tensors of the same names.
    """

    state: State
    taken: str
    is_average: bool
    others: tuple[str, ...]


def read_weights(path: Path, *, averaged: bool = True) -> WeightsRead:
    """Return the weights in a file, by the names in the file.

    averaged: read the moving average of the weights from a training checkpoint that has one, as
    timm's ``load_state_dict`` does (``use_ema``); False: read the raw weights.
    Raises InputError, naming the file, if it is not a file of weights, is cut short or damaged, or
    would run code when read, or if raw weights are requested and it holds only their average.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start[8:] == b"{":
            content: Any = safetensors.torch.load_file(path)
        elif start.startswith((_ZIP, _PICKLE)):
            # Training scripts keep their arguments beside the weights, in a Namespace of values.
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(path, map_location="cpu", weights_only=True)
        else:
            raise InputError(f"{path} is neither a safetensors file nor a torch file of weights")
    except InputError:
        raise
    except UnpicklingError as error:
        raise InputError(f"{path} is refused: {_refusal(error)}") from None
    except Exception as error:  # each library has its own errors for a damaged file
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{path} is cut short or damaged: {lines[0]}") from None
    return _select(list(_weights_in(content)), averaged, path, content)


def _weights_in(
    content: Any, keys: tuple[str, ...] = (), *, is_average: bool = False
) -> Iterator[tuple[str, bool, State]]:
    """Yield the keys that lead to weights, whether they are an average, and the weights."""
    if not isinstance(content, Mapping) or not content:
        return
    if all(isinstance(value, torch.Tensor) for value in content.values()):
        # ``n_averaged`` of torch's AveragedModel is a counter, not a weight.
        named = {_unwrapped(name): one for name, one in content.items() if name != "n_averaged"}
        yield ".".join(keys), is_average, named
        return
    for key in (*_AVERAGES, *_RAW, *(_INSIDE_AVERAGES if is_average else ())):
        average = is_average or key in _AVERAGES
        yield from _weights_in(content.get(key), (*keys, key), is_average=average)


def _select(
    candidates: list[tuple[str, bool, State]], averaged: bool, path: Path, content: Any
) -> WeightsRead:
    if not candidates:
        has = ", ".join(map(str, list(content)[:8])) if isinstance(content, Mapping) else ""
        keys = f" (it has {has})" if has else ""
        raise InputError(
            f"{path} holds no weights by name: neither itself nor its state_dict{keys}"
        )
    wanted = [one for one in candidates if one[1] == averaged]
    if not wanted and not averaged:
        raise InputError(
            f"{path} holds no raw weights, only their average ({candidates[0][0]}); leave out "
            "'averaged: false'"
        )
    taken, is_average, state = (wanted or candidates)[0]
    others = [name for name, _, _ in candidates if name != taken]
    others += _similar_entries(content, state, {name.split(".")[0] for name in (taken, *others)})
    return WeightsRead(state, taken, is_average, tuple(others))


def _similar_entries(content: Any, state: State, known: set[str]) -> Iterator[str]:
    """Yield the top-level keys, not in ``known``, of entries that have the names of ``state``."""
    for key, entry in content.items():
        if key in known or not isinstance(entry, Mapping):
            continue
        inside = [entry, *(value for value in entry.values() if isinstance(value, Mapping))]
        if any(state.keys() <= {_unwrapped(str(name)) for name in one} for one in inside):
            yield str(key)


def _unwrapped(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    return name


def _refusal(error: Exception) -> str:
    """Return why torch refused a pickle that holds more than weights."""
    text = " ".join(str(error).split())
    match = re.search(r"(?:Unsupported global: GLOBAL|GLOBAL|class) ([\w.]+)", text)
    if match:
        return f"reading it would call {match[1]}, and weights need nothing of the kind"
    return f"it is no pickle of weights alone ({text[:200]})"
