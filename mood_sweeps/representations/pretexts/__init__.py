"""Pretext tasks as declared: one file each, light; their objectives are in ``objectives``."""

from mood_sweeps.representations.pretexts.catalogue import PRETEXTS

__all__ = ["PRETEXTS"]
