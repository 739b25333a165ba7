"""What came of a call, as plain values small enough to travel from any worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Manifest, Ref

__all__ = ["FINISHED", "CellFailure", "Made", "Outcome", "Verdict", "made_of"]

Verdict = Literal[
    "done", "reused", "partly failed", "failed", "worker lost", "input corrupt", "lease lost"
]
"""done: the work was done here. reused: everything was there already. partly failed: some scorers
of a scoring call failed, and the rest was done. failed: the stage's own code raised, or all scorers
of a scoring call failed. The other three say nothing about the stage: the call is tried again."""
FINISHED = ("done", "reused", "partly failed")
"""Verdicts of calls that made all that they could."""


@dataclass(frozen=True)
class Made:
    """An object that a call published."""

    ref: Ref
    label: str
    digest: str
    size: int
    seconds: float
    environment: str
    created_at: str


def made_of(stage: Stage, manifest: Manifest) -> Made:
    """Return the description of a stage's object."""
    return Made(
        ref=stage.ref,
        label=stage.label,
        digest=manifest.digest,
        size=manifest.size,
        seconds=manifest.seconds,
        environment=manifest.origin.environment["class"],
        created_at=manifest.created_at,
    )


@dataclass(frozen=True)
class CellFailure:
    """The numbers that could not be made because one scorer raised."""

    evaluation_keys: tuple[str, ...]
    error: str
    traceback: str


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt at a call.

    evaluations: rows for the database, by column. failures: the scorers of a scoring call that
    failed. error: one line; traceback: the whole. corrupt: the input with wrong bytes. log: the
    log file of the attempt; the engine's loop adds it.
    """

    call_key: str
    verdict: Verdict
    worker: str = ""
    seconds: float = 0.0
    made: tuple[Made, ...] = ()
    evaluations: tuple[dict[str, Any], ...] = ()
    failures: tuple[CellFailure, ...] = ()
    error: str = ""
    traceback: str = ""
    corrupt: Ref | None = field(default=None)
    log: Path | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the call made all that it could: of a scoring call all but failed scorers."""
        return self.verdict in FINISHED or bool(self.failures)
