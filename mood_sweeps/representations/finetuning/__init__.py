"""Fine-tuning stages as carried out: one file each; their parameters are in ``finetunes``."""
