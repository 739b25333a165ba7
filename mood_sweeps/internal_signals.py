"""Exceptions by which one part of the package tells another why it ends its work.

`engine.run_call` turns them into outcomes, so that no caller meets them: they are not in the tree
of `errors`, and code that catches `MoodSweepsError` does not stop them on their way.
"""

from __future__ import annotations

__all__ = ["LeaseLost", "MemberLost"]


class LeaseLost(Exception):
    """Another launch took over the work of this process; what it made is discarded."""


class MemberLost(Exception):
    """A worker that shares a training with this one is gone; nothing is wrong with the stage."""
