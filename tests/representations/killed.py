"""A training that is killed in the middle, without a process."""

from __future__ import annotations


class DiesInTheMiddle:
    """Keeps a training's state a few times, then ends it as a kill would."""

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.writes = 0

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        if self.writes == 11:
            raise KeyboardInterrupt
        self.content = content
        self.writes += 1
