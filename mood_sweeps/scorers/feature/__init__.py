"""Scores of the features x, or of the maps of inner blocks: how far they lie from ID train's."""
