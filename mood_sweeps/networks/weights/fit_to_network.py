"""Fitting weights to a network: every name, shape and value, or an error that says which."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import nn

from mood_sweeps.errors import InputError
from mood_sweeps.networks.weights.weights_files import State

__all__ = ["fit_weights"]

_SHOWN = 4


def fit_weights(
    state: State, network: nn.Module, classifiers: Collection[str]
) -> tuple[State, State]:
    """Return the weights of ``network`` from ``state``, in its dtypes, and the classifier's apart.

    classifiers: possible names of a classifier; its ``weight`` and ``bias`` are returned second.
    All else below these names belongs to other heads and is left out.
    Raises InputError for weights that are missing, unexpected, of another shape or not finite.
    """
    own = network.state_dict()
    prefixes = tuple(f"{name}." for name in classifiers)
    extra = [name for name in state if name not in own]
    unexpected = [name for name in extra if not name.startswith(prefixes)]
    # ``num_batches_tracked`` of BatchNorm may be missing: old files lack it, evaluation ignores it.
    missing = [
        name for name in own if name not in state and not name.endswith(".num_batches_tracked")
    ]
    if missing:
        raise InputError(f"lacks {_listed(missing)} of the backbone{_instead(unexpected)}")
    if unexpected:
        raise InputError(f"holds {_listed(unexpected)}, which the backbone has not")
    for name, value in own.items():
        if name in state and state[name].shape != value.shape:
            raise InputError(
                f"has {name} of shape {tuple(state[name].shape)}, the backbone wants "
                f"{tuple(value.shape)}"
            )
    for name in (*own, *extra):
        if name in state and not _is_finite(state[name]):
            raise InputError(f"has {name} with values that are no finite numbers")
    weights = {
        # Copied, since a file's tensors may share memory, which safetensors refuses to write.
        name: state.get(name, value).to(value.dtype).clone(memory_format=torch.contiguous_format)
        for name, value in own.items()
    }
    ends = [f"{name}.{part}" for name in classifiers for part in ("weight", "bias")]
    return weights, {name.rpartition(".")[2]: state[name] for name in extra if name in ends}


def _is_finite(value: torch.Tensor) -> bool:
    return not value.is_complex() and bool(torch.isfinite(value).all())


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _instead(unexpected: list[str]) -> str:
    return f"; it has {_listed(unexpected)}, which the backbone has not" if unexpected else ""
