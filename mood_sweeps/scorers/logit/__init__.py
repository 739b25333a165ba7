"""Scores of the logits z, without softmax, so that their size counts."""
