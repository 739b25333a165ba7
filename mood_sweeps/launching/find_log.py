"""Find the log of an attempt at a call, or at the last call behind a cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mood_sweeps.engine.attempt_logs.old_logs import KEPT_DAYS
from mood_sweeps.errors import InputError
from mood_sweeps.workspace import Workspace

__all__ = ["choose_attempt", "digest_in", "log_files", "one_call"]

FEWEST_CHARACTERS = 4
MOST_NAMED = 3
_END_OF_LOG = re.compile(r"-\d+(-rank\d+)?\.log$")

AttemptRow = Mapping[str, Any]


def digest_in(words: str) -> str:
    """Return the longest part of what names a call: the key of that call contains it."""
    return max(_parts(words), key=len)


def one_call(words: str, labels: Mapping[str, str]) -> str | None:
    """Return the key of the call that is named; None if none is, InputError if several are.

    words: the beginning of a key or of a digest in it, or the name of a log file.
    labels: of the calls, by key.
    """
    asked = _parts(words)
    if len(digest_in(words)) < FEWEST_CHARACTERS:
        return None
    by_likeness: dict[int, list[str]] = {}
    for key in labels:
        if (likeness := _likeness(asked, key.split("-"))) is not None:
            by_likeness.setdefault(likeness, []).append(key)
    found = by_likeness[min(by_likeness)] if by_likeness else []
    if len(found) > 1:
        shown = "; ".join(f"{key} ({labels[key]})" for key in found[:MOST_NAMED])
        raise InputError(f"{len(found)} calls match {words!r}; the first are: {shown}")
    return found[0] if found else None


def _parts(words: str) -> list[str]:
    return _END_OF_LOG.sub("", Path(words).name).split("-")


def _likeness(asked: Sequence[str], parts: Sequence[str]) -> int | None:
    """Return 0 for a key of just these parts, 1 for one that begins so, 2 for one that has them."""
    for start in range(len(parts) - len(asked) + 1):
        place = parts[start : start + len(asked)]
        if all(part.startswith(word) for word, part in zip(asked, place, strict=True)):
            return 0 if len(parts) == len(asked) else 1 if start == 0 else 2
    return None


def choose_attempt(
    attempts: Collection[AttemptRow], launch: int | None, number: int | None
) -> AttemptRow:
    """Return the last attempt, of a launch or with a number where these are given.

    Raises InputError, naming those there are, if none is left.
    """
    left = [
        attempt
        for attempt in attempts
        if launch in (None, attempt["launch"]) and number in (None, attempt["number"])
    ]
    if not left:
        there = (f"{each['number']} of launch {each['launch']}" for each in attempts)
        raise InputError(f"no such attempt; there are: {', '.join(dict.fromkeys(there))}")
    return max(left, key=lambda attempt: int(attempt["id"]))


def log_files(attempt: AttemptRow, workspace: Workspace) -> list[Path]:
    """Return the log of an attempt, and those of other workers that shared its training.

    Raises InputError if it is not on this machine.
    """
    what = f"{attempt['kind']} {attempt['label']}, attempt {attempt['number']}"
    if attempt["log"] is None:
        raise InputError(f"{what}: it was made by a mood-sweeps that kept no logs")
    log = workspace.home / attempt["log"]
    if not log.is_file():
        worker = attempt["worker"] or "of a launch that was killed"
        raise InputError(
            f"{what}: its log {log} is not here; it was removed (logs stay {KEPT_DAYS} days), or "
            f"the worker {worker} wrote it on a machine that does not share this folder"
        )
    return [log, *_ranks(log)]


def _ranks(log: Path) -> Iterator[Path]:
    found: Iterable[Path] = log.parent.glob(f"{log.stem}-rank*{log.suffix}")
    yield from sorted(found, key=lambda file: (len(file.name), file.name))
