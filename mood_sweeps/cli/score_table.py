"""The table of `mood-sweep score` for a person: a line a scorer, two columns an OOD set."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mood_sweeps.features.scoring import Row

__all__ = ["notes", "score_table"]


def score_table(rows: Sequence[Row]) -> Table:
    """Return AUROC and FPR95 in % of the scorers that have numbers; the best are bold."""
    oods = list(dict.fromkeys(row.ood for row in rows))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("scorer", no_wrap=True)
    for ood in oods:
        table.add_column(Text(f"{ood}\nAUROC"), justify="right", no_wrap=True)
        table.add_column(Text("\nFPR95"), justify="right", no_wrap=True)
    best = {ood: _best([row for row in rows if row.ood == ood]) for ood in oods}
    lines: dict[str, dict[str, Row]] = {}
    for row in rows:
        lines.setdefault(row.scorer, {})[row.ood] = row
    for scorer, by_ood in lines.items():
        if any(row.auroc is not None for row in by_ood.values()):
            cells = [cell for ood in oods for cell in _cells(by_ood[ood], *best[ood])]
            table.add_row(Text(scorer), *cells)
    return table


def notes(rows: Sequence[Row]) -> list[str]:
    """Return the reasons and notes of the rows, each once, with the scorers that it is said of."""
    said: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in rows:
        texts = [("no number", row.reason)] if row.reason is not None else []
        texts += [("note", note) for note in (row.note.split("; ") if row.note else ())]
        for kind, text in texts:
            said.setdefault((kind, text), {}).setdefault(row.scorer, []).append(row.ood)
    oods = len({row.ood for row in rows})
    lines = []
    for (kind, text), about in said.items():
        names = [
            name if len(where) == oods else f"{name} on {', '.join(where)}"
            for name, where in about.items()
        ]
        lines.append(f"{kind}: {text}: {', '.join(names)}")
    return lines


def _best(rows: Sequence[Row]) -> tuple[str, str]:
    """Return the best AUROC and FPR95 as they are shown."""
    return (
        _percent(max((row.auroc for row in rows if row.auroc is not None), default=None)),
        _percent(min((row.fpr95 for row in rows if row.fpr95 is not None), default=None)),
    )


def _cells(row: Row, best_auroc: str, best_fpr95: str) -> tuple[Text, Text]:
    shown = (_percent(row.auroc), best_auroc), (_percent(row.fpr95), best_fpr95)
    auroc, fpr95 = (Text(own, "bold green" if own == best else "") for own, best in shown)
    return auroc, fpr95


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.2f}"
