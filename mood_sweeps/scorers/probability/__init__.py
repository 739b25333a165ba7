"""Scores of the predicted distribution p = softmax(z)."""
