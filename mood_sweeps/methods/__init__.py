"""Pretext tasks, fine-tuning stages and tokenizers: a folder for each method.

Importing this package imports no torch: it holds the declarations that planning needs. The
objective of a method, which trains it, is in the same folder.
"""

from __future__ import annotations

from mood_sweeps.methods.finetunes import FINETUNES, choose_finetune, choose_finetunes
from mood_sweeps.methods.pretexts import PRETEXTS

__all__ = ["FINETUNES", "PRETEXTS", "choose_finetune", "choose_finetunes"]
