"""A checkpoint: what training leaves behind, and its files (safetensors and JSON, no pickle)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.numpy
import safetensors.torch
import torch
from torch import nn

from mood_sweeps.bank import Head

__all__ = ["Checkpoint", "Decoder", "has_only_finite_weights", "load", "state_of"]


@dataclass(frozen=True, eq=False)
class Decoder:
    """What a masked pretext task trained beside the network; see ``decoder.restore_objective``.

    pretext: content of the task's choice, plain data. weights: the trained tensors, by name.
    tokenizer: description of the tokenizer, if ``weights`` include the tokenizer's.
    """

    pretext: dict[str, Any]
    weights: dict[str, torch.Tensor]
    tokenizer: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Weights of one network, and the record of their training.

    architecture: description of the network, plain data (``timm_networks.describe``).
    weights: its tensors, by name. head: linear classifier on the pooled features, if it has one.
    curves: one record per epoch. summary: final numbers by name. measured: speed and
    memory of the training (images per second, MB); in no file, because it depends on the machine.
    decoder: of a pretraining that can reconstruct images; None after fine-tuning.
    trials: for a tuned stage, one record per setting that was tried.
    findings: what is wrong with this training, judged by its own curves (``learning_checks.py``);
    in no file, because the manifest holds the findings of every training behind the checkpoint.
    """

    architecture: dict[str, Any]
    weights: dict[str, torch.Tensor]
    head: Head | None = None
    curves: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    decoder: Decoder | None = None
    trials: list[dict[str, Any]] = field(default_factory=list)
    findings: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors``, the files of head and decoder if any, and JSON files."""
        folder.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(self.weights, folder / "model.safetensors")
        if self.head is not None:
            safetensors.numpy.save_file(self.head.arrays, folder / "head.safetensors")
        described: dict[str, Any] = {"architecture": self.architecture, "summary": self.summary}
        if self.decoder is not None:
            safetensors.torch.save_file(self.decoder.weights, folder / "decoder.safetensors")
            described["decoder"] = {
                "pretext": self.decoder.pretext,
                "tokenizer": self.decoder.tokenizer,
            }
        _write(folder / "checkpoint.json", described)
        _write(folder / "curves.json", self.curves)
        if self.trials:
            _write(folder / "trials.json", self.trials)


def load(folder: Path) -> Checkpoint:
    """Read the checkpoint that ``Checkpoint.save`` wrote into ``folder``."""
    described = json.loads((folder / "checkpoint.json").read_text("utf-8"))
    head = None
    if (folder / "head.safetensors").exists():
        head = Head(**safetensors.numpy.load_file(folder / "head.safetensors"))
    decoder = None
    if "decoder" in described:
        weights = safetensors.torch.load_file(folder / "decoder.safetensors")
        decoder = Decoder(weights=weights, **described["decoder"])
    return Checkpoint(
        architecture=described["architecture"],
        weights=safetensors.torch.load_file(folder / "model.safetensors"),
        head=head,
        curves=json.loads((folder / "curves.json").read_text("utf-8")),
        summary=described["summary"],
        decoder=decoder,
    )


def has_only_finite_weights(checkpoint: Checkpoint) -> bool:
    """Whether all weights of the network are finite numbers."""
    return all(bool(torch.isfinite(value).all()) for value in checkpoint.weights.values())


def state_of(module: nn.Module, *, without: str | None = None) -> dict[str, torch.Tensor]:
    """Return a copy of a module's state on the CPU, contiguous, as safetensors requires.

    without: a prefix; tensors with names that start with it are left out.
    """
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
        if without is None or not name.startswith(without)
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", "utf-8")
