"""The decoder of a masked pretext task: trained beside the network, it reconstructs images."""

from __future__ import annotations

import torch

from mood_sweeps.choice import Choice, choose
from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.catalogue import PRETEXTS
from mood_sweeps.methods.pretexts.masked.reconstruction import Reconstructing
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.methods.pretexts.task import Pretext, PretextTask
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.build_network import build
from mood_sweeps.networks.checkpoint import Checkpoint, Decoder, state_of
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.training.objective import Objective

__all__ = ["decoder_of", "restore_objective"]

_NETWORK = "network."


def decoder_of(
    pretext: Choice[Pretext], objective: Objective, tokenizer: Checkpoint | None
) -> Decoder | None:
    """Return what ``pretext`` trained beside the network; None if it reconstructs no images."""
    if not isinstance(objective, Reconstructing):
        return None
    weights = state_of(objective, without=_NETWORK)
    return Decoder(pretext.content, weights, tokenizer.architecture if tokenizer else None)


def restore_objective(checkpoint: Checkpoint) -> Reconstructing[PretextTask]:
    """Return the objective that trained a checkpoint, in evaluation mode, without gradients.

    Raises InputError if the checkpoint has no decoder.
    """
    decoder = checkpoint.decoder
    if decoder is None:
        raise InputError("this representation has no decoder, so it reconstructs nothing")
    raw = {decoder.pretext["name"]: decoder.pretext.get("parameters", {})}
    task = choose(raw, PRETEXTS, "pretext").parameters
    assert isinstance(task, PretextTask)
    form = checkpoint.architecture["input"]
    with reproducible(0, "reconstruct"):  # initial weights are drawn, and then overwritten
        network = build(checkpoint.architecture)
        example = torch.zeros(2, form["channels"], form["size"], form["size"])
        tokens = VisualTokens(decoder.tokenizer, form) if decoder.tokenizer else None
        objective = objective_of(task, network, example, 1, tokens)
    assert isinstance(objective, Reconstructing)
    state = {_NETWORK + name: tensor for name, tensor in checkpoint.weights.items()}
    objective.load_state_dict(state | decoder.weights)
    return objective.eval().requires_grad_(False)
