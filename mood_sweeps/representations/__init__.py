"""Representations: backbones, pretext tasks, fine-tuning stages, checkpoints, extraction.

Importing this package imports neither torch nor timm: it holds the declarations that planning
needs. Training lives in ``pretrain``, ``finetune`` and ``extract``.
"""

from __future__ import annotations

from mood_sweeps.representations.backbones import BACKBONES, choose_backbone, choose_backbones
from mood_sweeps.representations.finetunes import FINETUNES, choose_finetune, choose_finetunes
from mood_sweeps.representations.pretexts import PRETEXTS

__all__ = [
    "BACKBONES",
    "FINETUNES",
    "PRETEXTS",
    "choose_backbone",
    "choose_backbones",
    "choose_finetune",
    "choose_finetunes",
]
