"""What numbers say of themselves, counted."""

from __future__ import annotations

import re

import pandas as pd

__all__ = ["notes_said"]

# A percentage or a decimal fraction; not one behind "=", which is a setting.
_NUMBERS = re.compile(r"(?<![=\w.])(?:\d+\.\d+%?|\d+%)")


def notes_said(results: pd.DataFrame) -> list[tuple[str, int]]:
    """Return each note of a results frame with how many of its cells say it, the most said first.

    Notes that differ in a percentage or a decimal fraction alone are one, shown with the values
    that they range over: ``1.2% … 30% of the OOD scores are tied at one value``.
    """
    if "note" not in results.columns:
        return []
    alike: dict[str, list[str]] = {}
    for note in "; ".join(results["note"].dropna()).split("; "):
        alike.setdefault(_NUMBERS.sub("#", note), []).append(note)
    alike.pop("", None)
    said = [(_ranging(notes), len(notes)) for notes in alike.values()]
    return sorted(said, key=lambda item: (-item[1], item[0]))


def _ranging(notes: list[str]) -> str:
    """Return notes that differ in numbers alone as one."""
    texts = _NUMBERS.split(notes[0])
    columns = zip(*(_NUMBERS.findall(note) for note in notes), strict=True)
    shown = []
    for column in columns:
        ordered = sorted(set(column), key=lambda number: float(number.rstrip("%")))
        shown.append(" … ".join(dict.fromkeys([ordered[0], ordered[-1]])))
    return "".join(part for pair in zip(texts, [*shown, ""], strict=True) for part in pair)
