"""Devices of torch: the CPU everywhere, and the GPU where there is one."""

from __future__ import annotations

from typing import Any

import torch

from mood_sweeps.scorers.numeric.torch_device import TorchDevice

DEVICES = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


class Watched(TorchDevice):
    """A device that notes what is sent and made there, and what comes back, in bytes."""

    def __init__(self, name: str = "cpu", keep: int = 2**32) -> None:
        super().__init__(name, keep)
        self.taken: list[int] = []
        self.made: list[int] = []
        self.given: list[int] = []

    def send(self, array: Any) -> Any:
        self.taken.append(array.nbytes)
        return super().send(array)

    def empty(self, *form: Any) -> Any:
        made = super().empty(*form)
        self.made.append(made.nbytes)
        return made

    def fetch(self, array: Any) -> Any:
        given = super().fetch(array)
        self.given.append(given.nbytes)
        return given
