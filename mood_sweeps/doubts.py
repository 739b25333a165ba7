"""Doubts about a training: how a number's note says that a network behind it learned nothing.

A doubt is a sentence. A training finds it in its own curves, manifests hand it on to whatever is
made of the checkpoint, and the note of every row behind it holds it among other sentences.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["doubt_about", "doubts_in", "joined", "parts_of"]

_MARK = "doubtful training: "
_BETWEEN = "; "
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


def joined(note: str | None, more: Iterable[str]) -> str | None:
    """Return a row's note with more sentences, each once; None where there is nothing to say."""
    said = [*(note.split(_BETWEEN) if note else ()), *more]
    return _BETWEEN.join(dict.fromkeys(said)) or None
