"""The resume state: an unfinished training saves it, and resumes from it after it was killed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch

__all__ = ["ResumeState", "StateFile"]

_NOTES = "notes"


class StateFile(Protocol):
    """A place for the bytes of one unfinished training."""

    def read(self) -> bytes | None:
        """Return the content of the last `write`, whole and unchanged, or None."""
        ...

    def write(self, content: bytes) -> None:
        """Replace the content; a crash leaves the old or the new one, whole."""
        ...


class ResumeState:
    """Saves tensors and plain notes of a training at intervals.

    file: where to save; None saves nothing. every_s: least seconds between two saves.
    share: the largest share of the time that saving may take: a big network is saved less often.
    input_digests: digests of the training's inputs, such as the checkpoint that it started from; a
    state with other digests is ignored. pause_after: number of epochs after which the training
    saves its state and returns; the next call resumes there.
    """

    def __init__(
        self,
        file: StateFile | None = None,
        every_s: float = 60.0,
        input_digests: Mapping[str, str] | None = None,
        share: float = 0.05,
        pause_after: int | None = None,
    ) -> None:
        self.pause_after = pause_after
        self._share = share
        self._file = file
        self._every_s = every_s
        self._input_digests = dict(input_digests or {})
        self._due_at = time.monotonic() + every_s

    def is_due(self) -> bool:
        """Whether it is time to save."""
        return self._file is not None and time.monotonic() >= self._due_at

    def save(self, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, Any]) -> None:
        """Save a state; ``notes`` are JSON values; floats keep their last bit."""
        if self._file is None:
            return
        started = time.monotonic()
        text = json.dumps({"input_digests": self._input_digests, "notes": notes}).encode()
        copies = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        }
        copies[_NOTES] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        self._file.write(safetensors.torch.save(copies))
        now = time.monotonic()
        self._due_at = now + max(self._every_s, (now - started) / self._share)

    def described(self) -> str:
        """Return whether a state was saved, in words for an error message."""
        where = None if self._file is None or self._file.read() is None else self._file
        return (
            f"the last good state is saved in {where}" if where else "no state was saved before it"
        )

    def last(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the last saved tensors and notes; None if there is no usable state."""
        content = self._file.read() if self._file is not None else None
        if content is None:
            return None
        try:
            tensors = safetensors.torch.load(content)
            saved = json.loads(tensors.pop(_NOTES).numpy().tobytes())
        except (safetensors.SafetensorError, KeyError, ValueError):
            return None
        if saved.get("input_digests") != self._input_digests:
            return None
        return tensors, saved["notes"]
