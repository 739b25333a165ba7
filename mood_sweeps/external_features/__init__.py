"""Features that a user extracted: arrays in, one table of every scorer and pair out.

`score_sets.score` does it and `score_features.score_features` returns a frame; `formats` reads the
files, `checked_features` checks all of them before anything is computed, and `run_scorers` makes
rows of what the engine of scoring computes.
"""
