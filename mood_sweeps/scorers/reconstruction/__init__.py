"""Scores of how well a representation's decoder makes an image again from parts of it."""
