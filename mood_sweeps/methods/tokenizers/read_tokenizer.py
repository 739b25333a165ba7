"""Reading a tokenizer from a user's file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors.torch

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.methods.tokenizers.dvae_network import describe_tokenizer
from mood_sweeps.methods.tokenizers.tokenizer_file import dvae_of
from mood_sweeps.networks.checkpoint import Checkpoint

__all__ = ["read_tokenizer"]


def read_tokenizer(model: Choice) -> Checkpoint:
    """Return the tokenizer of a choice that `choose_file` returned.

    Raises InputError if the file cannot be read or has changed since.
    """
    path = model.parameters.path
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"tokenizer {path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != model.digest:
        raise InputError(f"{path} changed after the launch was planned; launch again")
    weights = safetensors.torch.load(content)
    dvae = dvae_of({name: tuple(tensor.shape) for name, tensor in weights.items()})
    return Checkpoint(describe_tokenizer(**dvae), weights)
