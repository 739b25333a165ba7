"""What a picture shows: how a checkpoint sees the first images of some splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.store import Ref

__all__ = ["SHOWN_IMAGES", "Picture"]

SHOWN_IMAGES = 8
"""How many images of each split."""


@dataclass(frozen=True)
class Picture:
    """Show images of splits beside what a checkpoint makes of them.

    subject: ``reconstructions``, or ``background``: which patches ``ft:ssod`` takes for ID and OOD.
    shown: (image set, split), one line of the picture each. gamma: of ``ft:ssod``, for background.
    """

    checkpoint: Ref
    subject: str
    shown: tuple[tuple[PlannedSet, str], ...]
    gamma: float | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the picture's lines."""
        return tuple(f"{images.name}/{split}" for images, split in self.shown)

    @property
    def content(self) -> dict[str, Any]:
        """What enters the key, but for the images' own identity."""
        content = {"checkpoint": self.checkpoint.key, "subject": self.subject, "of": SHOWN_IMAGES}
        return content if self.gamma is None else {**content, "gamma": self.gamma}
