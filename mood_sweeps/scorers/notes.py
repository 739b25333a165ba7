"""Notes: what a reader of a number has to know about the scores and logits behind it.

These notes apply to every scorer, including a user's. A scorer's method ``notes`` adds its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import plain
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["ID_TEST", "OOD", "checked_notes", "logit_notes", "notes_of", "tie_notes"]

ID_TEST, OOD = "ID test", "OOD"
"""The names of the two sets behind a number, in notes."""

_FIT_SET = "the set it learnt from"

# From this share of equal scores on, AUROC and the like depend on how ties are counted.
_MANY_TIES = 0.01
# Probabilities that were rounded, or stored in half precision, add up to 1 within this.
_ROUNDED = 0.01

_MAX_CHARACTERS = 200


def notes_of(scorer: Scorer, state: State, bank: FeatureBank) -> tuple[str, ...]:
    """Return the notes of a scorer on a bank, each on one line of at most 200 characters.

    A user's scorer may leave the method out. Raises TypeError where it returns anything but texts.
    """
    method = getattr(scorer, "notes", None)
    if not callable(method):
        return ()
    return checked_notes(method(state, bank))


def checked_notes(notes: Any) -> tuple[str, ...]:
    """Return notes, each on one line of at most 200 characters; TypeError if they are no texts."""
    if not isinstance(notes, (tuple, list)) or not all(isinstance(note, str) for note in notes):
        raise TypeError(f"notes() must return a tuple of texts, not {type(notes).__name__}")
    return tuple(_cut(_on_one_line(note)) for note in notes)


def tie_notes(scores: Mapping[str, Scores]) -> tuple[str, ...]:
    """Return a note for each set, by name, of which more than 1% of the scores have one value."""
    notes = []
    for name, values in scores.items():
        count = _count_of_mode(values)
        share = count / max(1, len(values))
        if count > 1 and share > _MANY_TIES:
            notes.append(f"{_percent(share)} of the {name} scores are tied at one value")
    return tuple(notes)


class _Declared(Protocol):
    needs: ClassVar[tuple[str, ...]]
    learns_nothing: ClassVar[bool]


def logit_notes(
    scorer: _Declared, learnt_from: FeatureBank, tested: Mapping[str, FeatureBank]
) -> tuple[str, ...]:
    """Return a note where the logits that a scorer needs are probabilities or their logarithms.

    tested: banks by the names of their sets.
    """
    if not {"logits", "head"} & set(scorer.needs):
        return ()
    learnt = {} if scorer.learns_nothing else {_FIT_SET: learnt_from}
    banks = {**tested, **learnt}
    kinds = {name: _kind_of_logits(bank) for name, bank in banks.items()}
    notes = []
    for kind, what, use in (
        ("probabilities", "never negative, every row sums to 1 or 100", "the predicted class"),
        ("log-probabilities", "the exponentials of every row sum to 1", "their softmax"),
    ):
        names = [name for name, of_bank in kinds.items() if of_bank == kind]
        if names:
            notes.append(
                f"the logits of {_listed(names)} are {kind} ({what}): only a score that takes "
                f"nothing but {use} from them is right"
            )
    return tuple(notes)


def _kind_of_logits(bank: FeatureBank) -> Literal["probabilities", "log-probabilities"] | None:
    logits = bank.logits
    if logits is None or logits.ndim != 2 or logits.shape[1] < 2 or not len(logits):
        return None

    def compute() -> Literal["probabilities", "log-probabilities"] | None:
        if (logits == logits[:1]).all():  # the same for all images, so of no kind
            return None
        if _all_rows(logits, _are_probabilities):
            return "probabilities"
        return "log-probabilities" if _all_rows(logits, _are_log_probabilities) else None

    return once_per_bank(bank, "kind of logits", compute)


def _all_rows(logits: npt.NDArray[Any], test: Any) -> bool:
    # The first block nearly always decides: real logits fail the test there.
    return all(
        test(logits[rows].astype(np.float64), logits[:1]) for rows in row_blocks(len(logits))
    )


def _are_probabilities(values: npt.NDArray[np.float64], first: npt.NDArray[Any]) -> bool:
    """Whether rows are shares of 1, or percentages of 100."""
    whole = 100.0 if first.sum(dtype=np.float64) > 10 else 1.0
    return bool(
        (values >= 0).all() and (np.abs(values.sum(axis=1) - whole) <= _ROUNDED * whole).all()
    )


def _are_log_probabilities(values: npt.NDArray[np.float64], _: npt.NDArray[Any]) -> bool:
    return bool(
        (values <= _ROUNDED).all() and (np.abs(np.exp(values).sum(axis=1) - 1) <= _ROUNDED).all()
    )


def _count_of_mode(scores: Scores) -> int:
    """Return how often the most frequent score occurs."""
    return int(np.unique(scores, return_counts=True)[1].max(initial=0))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1f}%"


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _on_one_line(note: str) -> str:
    """Return a note as one line without control characters and "; ", the separator of notes."""
    line = " ".join(note[: 2 * _MAX_CHARACTERS].split())
    return plain(line).replace("; ", ", ")


def _cut(note: str) -> str:
    return note if len(note) <= _MAX_CHARACTERS else note[: _MAX_CHARACTERS - 1] + "…"
