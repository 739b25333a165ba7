"""The note of a row: sentences on one line, among them doubts about trainings.

A doubt is the sentence that a training diverged or learned nothing. The training finds it in its
own curves; manifests carry it from the checkpoint to every object that depends on the checkpoint,
and it is part of the note of every row that does.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["doubt_about", "doubts_in", "joined", "parts_of"]

_MARK = "doubtful training: "
_BETWEEN = "; "
_MAX_NOTES = 12
_COLON = ": "


def doubt_about(training: str, findings: Iterable[str]) -> str:
    """Return the sentence with a training's label and its findings."""
    sentence = f"{training.replace(_COLON, ':')}{_COLON}{', and '.join(findings)}"
    return _MARK + sentence.replace(";", ",")


def parts_of(doubt: str) -> tuple[str, str]:
    """Return the training that a doubt is about, and what is wrong with it."""
    training, _, finding = doubt.removeprefix(_MARK).partition(_COLON)
    return training, finding


def doubts_in(note: object) -> tuple[str, ...]:
    """Return the doubts among the sentences of a row's note, which may be missing."""
    if not isinstance(note, str):
        return ()
    return tuple(part for part in note.split(_BETWEEN) if part.startswith(_MARK))


def joined(*notes: str | None) -> str | None:
    """Return notes as one line, each once and in order, or None where there are none.

    A note may already hold several, joined by this function. More than 12 are counted only.
    """
    parts = [part.strip() for note in notes if note for part in note.split(_BETWEEN)]
    unique = [part for part in dict.fromkeys(parts) if part]
    shown = unique[:_MAX_NOTES]
    if len(unique) > _MAX_NOTES:
        shown.append(f"{len(unique) - _MAX_NOTES} more")
    return _BETWEEN.join(shown) or None
