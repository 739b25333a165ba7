"""Networks: backbones, their weights, checkpoints and the extraction of features.

Importing this package imports neither torch nor timm: it holds the declarations that planning
needs.
"""

from __future__ import annotations

from mood_sweeps.networks.backbones import BACKBONES, choose_backbone, choose_backbones

__all__ = ["BACKBONES", "choose_backbone", "choose_backbones"]
