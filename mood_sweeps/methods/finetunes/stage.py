"""The contract of a fine-tuning stage: its declaration, with the name of its trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Choice
from mood_sweeps.methods.declaration import Declaration
from mood_sweeps.networks.backbone import Backbone

__all__ = ["FinetuneStage"]


@dataclass(frozen=True)
class FinetuneStage(Declaration):
    """A training of a checkpoint on the ID images; a declaration, imported without torch.

    trainer: ``module:function`` from `FinetuneInputs` to `Checkpoint`; the worker imports it.
    version: raise it when the same inputs would give other weights. uses_seed: whether
    the seed enters the key. makes_head: whether the checkpoint has a classifier of the ID classes.
    makes_detector: whether the head has an OOD detector beside it. trains_on_intermediate: whether
    it trains on the intermediate set instead of the ID set.
    """

    trainer: ClassVar[str]
    version: ClassVar[int] = 1
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = True
    makes_detector: ClassVar[bool] = False
    trains_on_intermediate: ClassVar[bool] = False
    is_tunable: ClassVar[bool] = True

    def refuses(self, backbone: Choice[Backbone]) -> str | None:
        """Return why the stage cannot train a backbone, or None; called after `with_preset`."""
        del backbone
        return None
