"""Scores of how well the decoder of a representation reconstructs an image from parts of it."""
