"""Checkpoints from weights that others trained: published ones and files."""
