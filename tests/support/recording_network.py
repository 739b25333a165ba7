"""A network that notes what it is shown."""

from __future__ import annotations

import dataclasses
from typing import Any

from mood_sweeps.bank import FeatureBank, Network


@dataclasses.dataclass(frozen=True, eq=False)
class Watched:
    """shown: the images of every question, whichever it was, in order."""

    network: Network
    shown: list[Any] = dataclasses.field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        answer = getattr(self.network, name)
        if not callable(answer):
            return answer

        def noted(inputs: Any, *others: Any) -> Any:
            self.shown.append(inputs)
            return answer(inputs, *others)

        return noted


def watched(bank: FeatureBank) -> FeatureBank:
    """Return the bank with its network watched."""
    assert bank.network is not None
    return dataclasses.replace(bank, network=Watched(bank.network))
