"""Progress: the state of an unfinished training, kept so that a killed one goes on where it was."""

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
        """Return what was written last, whole and unchanged, or None."""
        ...

    def write(self, content: bytes) -> None:
        """Put ``content`` in the place of what was there; a crash leaves one of the two."""
        ...


class ResumeState:
    """Keeps tensors and plain notes of a training every so often.

    kept: where; None keeps nothing. every_s: seconds between two keepings, if they are cheap.
    share: of the time, that keeping may take at most: a big network is kept less often. came_from:
    what else the training depends on, such as the digest of the checkpoint it started from: what
    was kept of another origin is not taken up. pause_after: epochs after which the training keeps
    its state and ends for now; called again, it goes on from there.
    """

    def __init__(
        self,
        kept: StateFile | None = None,
        every_s: float = 60.0,
        input_digests: Mapping[str, str] | None = None,
        share: float = 0.05,
        pause_after: int | None = None,
    ) -> None:
        self.pause_after = pause_after
        self._share = share
        self._kept = kept
        self._every_s = every_s
        self._input_digests = dict(input_digests or {})
        self._due_at = time.monotonic() + every_s

    def is_due(self) -> bool:
        """Whether it is time to keep."""
        return self._kept is not None and time.monotonic() >= self._due_at

    def keep(self, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, Any]) -> None:
        """Keep a state; ``notes`` are what JSON can hold, floats to the last bit."""
        if self._kept is None:
            return
        started = time.monotonic()
        text = json.dumps({"input_digests": self._input_digests, "notes": notes}).encode()
        copies = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        }
        copies[_NOTES] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        self._kept.write(safetensors.torch.save(copies))
        now = time.monotonic()
        self._due_at = now + max(self._every_s, (now - started) / self._share)

    def described(self) -> str:
        """Say whether something was kept, for an error message."""
        where = None if self._kept is None or self._kept.read() is None else self._kept
        return f"the last good state is kept in {where}" if where else "nothing was kept before it"

    def last(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return what `keep` was given last; None if there is nothing to go on from."""
        content = self._kept.read() if self._kept is not None else None
        if content is None:
            return None
        try:
            tensors = safetensors.torch.load(content)
            told = json.loads(tensors.pop(_NOTES).numpy().tobytes())
        except (safetensors.SafetensorError, KeyError, ValueError):
            return None
        if told.get("input_digests") != self._input_digests:
            return None
        return tensors, told["notes"]
