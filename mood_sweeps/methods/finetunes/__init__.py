"""Fine-tuning stages: a folder each. Importing this package imports no torch."""

from mood_sweeps.methods.finetunes.catalogue import FINETUNES
from mood_sweeps.methods.finetunes.choose_chains import choose_finetune, choose_finetunes

__all__ = ["FINETUNES", "choose_finetune", "choose_finetunes"]
