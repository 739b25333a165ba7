"""The table of `mood-sweep score` for a person: a line a scorer, three columns an OOD set."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mood_sweeps.external_features.run_scorers import Row
from mood_sweeps.metrics import METRICS
from mood_sweeps.scoring.label_agreement import Agreement

__all__ = ["CAPTION", "accuracy_lines", "notes", "score_table"]

SHOWN = ("auroc", "fpr95", "fpr95_ood_positive")
CAPTION = (
    "in %; FPR95 ID+: OOD accepted where 95% of ID is (ID positive: MOODv2, ViM); "
    "FPR95 OOD+: ID rejected where 95% of OOD is (OOD positive: OpenOOD, pytorch-ood)"
)


def score_table(rows: Sequence[Row]) -> Table:
    """Return AUROC and both FPR95 in % of the scorers that have numbers; the best are bold."""
    oods = list(dict.fromkeys(row.ood for row in rows))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("scorer", no_wrap=True)
    for ood in oods:
        table.add_column(Text(f"{ood}\nAUROC"), justify="right", no_wrap=True)
        for positive in ("ID+", "OOD+"):
            table.add_column(Text(f"FPR95\n{positive}"), justify="right", no_wrap=True)
    best = {ood: _best([row for row in rows if row.ood == ood]) for ood in oods}
    lines: dict[str, dict[str, Row]] = {}
    for row in rows:
        lines.setdefault(row.scorer, {})[row.ood] = row
    for scorer, by_ood in lines.items():
        if any(row.metrics["auroc"] is not None for row in by_ood.values()):
            cells = [cell for ood in oods for cell in _cells(by_ood[ood], *best[ood])]
            table.add_row(Text(scorer), *cells)
    return table


def accuracy_lines(agreed: Agreement) -> list[str]:
    """Return a line for what predicts, with the accuracy of every ID set that has labels."""
    lines: dict[str, list[str]] = {}
    for one in agreed.accuracies:
        lines.setdefault(one.by, []).append(f"{one.split} {_percent(one.value)}")
    return [f"ID accuracy in %, by the {by}: {', '.join(sets)}" for by, sets in lines.items()]


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


def _best(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the best value of each column, as it is shown."""
    best = []
    for name in SHOWN:
        known = [value for row in rows if (value := row.metrics[name]) is not None]
        choose = max if METRICS[name].higher_is_better else min
        best.append(_percent(choose(known, default=None)))
    return tuple(best)


def _cells(row: Row, *best: str) -> list[Text]:
    shown = [_percent(row.metrics[name]) for name in SHOWN]
    return [
        Text(own, "bold green" if own == top else "") for own, top in zip(shown, best, strict=True)
    ]


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.2f}"
