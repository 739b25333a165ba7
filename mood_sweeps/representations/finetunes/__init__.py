"""Fine-tuning stages as declared: one file each, light; what runs them is in ``finetuning``."""

from mood_sweeps.representations.finetunes.catalogue import FINETUNES
from mood_sweeps.representations.finetunes.chain import choose_finetune, choose_finetunes

__all__ = ["FINETUNES", "choose_finetune", "choose_finetunes"]
