"""Scores of the features x or of inner maps: how far they are from those of ID train."""
