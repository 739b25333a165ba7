"""Pretext tasks, fine-tuning stages and tokenizers: a folder for each method.

Importing this package imports no torch: it holds the declarations that planning needs. A method's
objective, which trains it, stands beside its declaration.
"""

from __future__ import annotations

from mood_sweeps.methods.finetunes import FINETUNES, choose_finetune, choose_finetunes
from mood_sweeps.methods.pretexts import PRETEXTS

__all__ = ["FINETUNES", "PRETEXTS", "choose_finetune", "choose_finetunes"]
