"""Weights that others trained: which there are, by pretext task, backbone and stages."""
