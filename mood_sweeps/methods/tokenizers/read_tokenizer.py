"""Reading a tokenizer from a user's file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors.torch

from mood_sweeps.errors import InputError
from mood_sweeps.methods.tokenizers.dvae_network import describe_tokenizer
from mood_sweeps.methods.tokenizers.tokenizer_file import dvae_of
from mood_sweeps.networks.checkpoint import Checkpoint

__all__ = ["read_tokenizer"]


def read_tokenizer(path: str, digest: str) -> Checkpoint:
    """Return the tokenizer in a file; digest: the SHA-256 of its bytes when it was chosen.

    Raises InputError if the file cannot be read or has changed since.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"tokenizer {path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{path} changed after the launch was planned; launch again")
    weights = safetensors.torch.load(content)
    dvae = dvae_of({name: tuple(tensor.shape) for name, tensor in weights.items()})
    return Checkpoint(describe_tokenizer(**dvae), weights)
