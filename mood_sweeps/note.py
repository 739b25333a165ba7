"""The note of a row: sentences in one line, and doubts about trainings among them.

A doubt is a sentence that says of a training that it diverged or learned nothing. The training
finds it in its own curves, manifests hand it on to whatever is made of the checkpoint, and the note
of every row behind it holds it.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["doubt_about", "doubts_in", "joined", "parts_of"]

_MARK = "doubtful training: "
_BETWEEN = "; "
_MOST_NOTES = 12
_COLON = ": "


def doubt_about(training: str, findings: Iterable[str]) -> str:
    """Return the sentence that says of a training, by its label, what is wrong with it."""
    said = f"{training.replace(_COLON, ':')}{_COLON}{', and '.join(findings)}"
    return _MARK + said.replace(";", ",")


def parts_of(doubt: str) -> tuple[str, str]:
    """Return the training that a doubt is about, and what is wrong with it."""
    training, _, finding = doubt.removeprefix(_MARK).partition(_COLON)
    return training, finding


def doubts_in(note: object) -> tuple[str, ...]:
    """Return the doubts among the sentences of a row's note, which may be missing."""
    if not isinstance(note, str):
        return ()
    return tuple(said for said in note.split(_BETWEEN) if said.startswith(_MARK))


def joined(*notes: str | None) -> str | None:
    """Return notes as one line, each once and in order, or None where there are none.

    A note may be several, as this function joins them. Long ones and many are cut.
    """
    parts = [part.strip() for note in notes if note for part in note.split(_BETWEEN)]
    each = [part for part in dict.fromkeys(parts) if part]
    shown = each[:_MOST_NOTES] + ([f"{len(each) - _MOST_NOTES} more"] if each[_MOST_NOTES:] else [])
    return _BETWEEN.join(shown) or None
