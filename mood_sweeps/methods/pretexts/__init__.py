"""Pretext tasks: a folder each. Importing this package imports no torch."""

from mood_sweeps.methods.pretexts.catalogue import PRETEXTS

__all__ = ["PRETEXTS"]
