"""Scores of the logits z, before the softmax forgets their size."""
