"""Bring your own features: arrays that a user extracted, in one table of every scorer and pair.

`score.score` does it and `frame.score_features` returns a frame; `formats` reads the files,
`given` checks all that was given before anything is computed, `scoring` computes.
"""
