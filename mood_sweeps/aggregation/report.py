"""The report of a sweep: report.md, a CSV per table (full precision), a PNG per figure.

The same frames give the same bytes: nothing here looks at a clock, a host or an environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mood_sweeps.aggregation.accuracy_table import accuracy_display, accuracy_table
from mood_sweeps.aggregation.comparative_table import comparative_table, pivot
from mood_sweeps.aggregation.completeness import completeness, unfinished, why_unfinished
from mood_sweeps.aggregation.confusion_section import confusion_section
from mood_sweeps.aggregation.differences import differences_section
from mood_sweeps.aggregation.distinct_cells import (
    AXES,
    REPRESENTATION,
    Families,
    distinct_cells,
    ensemble_sizes,
    require_columns,
)
from mood_sweeps.aggregation.doubtful_trainings import doubtful_averages, doubtful_section
from mood_sweeps.aggregation.figures import pretext_by_scorer
from mood_sweeps.aggregation.headline import headline
from mood_sweeps.aggregation.measures import MEASURES, measure_of
from mood_sweeps.aggregation.notes_section import notes_said
from mood_sweeps.aggregation.pictures_section import Drawn, pictures_section
from mood_sweeps.aggregation.render_table import to_markdown
from mood_sweeps.aggregation.report_folder import ReportFolder
from mood_sweeps.aggregation.unequal_averages import unequal_averages
from mood_sweeps.errors import InputError

__all__ = ["write_report"]

_BOLD = ("**", "**")
_MOST_REASONS = 20

_HOW_TO_READ = """\
All values are percentages: the mean over what a table does not show, inside each seed, then the
mean over seeds ± the standard deviation over seeds. A value without ± has one seed. **Bold**: the
best complete value of its line. `97.3 (10 of 12)`: two of twelve cells are missing; the mean is
over the ten, and is never marked as best. `0 of 12`: none is there. `–`: no such cell in the
sweep."""

_ENSEMBLES = """\
An ensemble (`× n seeds`) is a fine-tuning stage of its own and has no seed; a mean over stages is
over single networks alone."""

_CONVENTIONS = """\
- Scores are higher for in-distribution (ID) images. AUROC is the probability that an ID image
  scores higher than an OOD image.
- **FPR95** counts ID as positive, as the MOOD papers do: the share of OOD images accepted at the
  threshold that accepts 95% of the ID test images. `fpr95_ood_positive` in the CSV files is the
  other convention, of OpenOOD: the share of ID images rejected where 95% of the OOD images are.
- **AUPR** (`aupr_in`: ID positive, `aupr_out`: OOD positive) is the trapezoid area under the
  precision-recall curve, as OpenOOD, pytorch-ood and the MOODv2 code print it. `ap_in` and `ap_out`
  are the average precision, as scikit-learn computes it: nearly the same where no scores are tied,
  and the one to read where many are, which raise the trapezoid.
- In `cells.csv` alone: `detection_error`, what the best threshold gets wrong; `oscr`, the area
  under the correct classification rate over FPR, and `ccr_at_fpr05`, that rate at 5% FPR, both of
  ID images accepted and classified right; `autc`, no matter of ranks and only comparable within a
  scorer.
- `auroc_low` and `auroc_high` in `cells.csv` are the 95% interval of one cell over its test
  images (DeLong, on the logit scale, Jeffreys' limit near 0 and 1); ± in the tables is over
  seeds. They answer different questions.
- ID accuracy with `*` is that of the nearest class mean, for representations without a head; such
  values do not compare with those of a trained head.
- A number that has no defined value is missing, with its reason, and is never counted as 0."""


def write_report(
    results: pd.DataFrame,
    confusions: pd.DataFrame,
    folder: Path,
    *,
    title: str,
    provenance: Mapping[str, str],
    families: Families | None = None,
    pictures: Sequence[Drawn] = (),
    unread: Sequence[str] = (),
) -> list[Path]:
    """Write the report of a sweep, finished or not, and return the paths written, in order.

    results: the results frame, one row per cell, metrics as fractions. confusions: the confusion
    frame; may be empty. folder: made if missing; files of these names are replaced. title: the
    first heading. provenance: name → value for the footer, in its order. families: scorer →
    family, for the colours and order of scorers. pictures: what representations make of images.
    unread: pictures that cannot be read, and why.
    Raises InputError when the frames lack columns or hold no or ambiguous cells.
    """
    if results.empty:
        raise InputError("the results frame holds no cells, so there is nothing to report")
    families = families or {}
    require_columns(results, AXES, "results")
    lead = [axis for axis in ("sweep", "id_set") if results[axis].nunique() > 1]
    report = ReportFolder(folder)
    parts = [
        f"# {title}",
        headline(results, families, lead),
        *doubtful_section(results, report),
        "## Comparative tables",
        _HOW_TO_READ,
        *([_ENSEMBLES] if ensemble_sizes(results) else []),
        *_comparative(results, report, lead, families),
        *differences_section(results, report, families),
        "## ID accuracy",
        *_accuracy(results, report),
        "## Near-OOD confusion",
        *confusion_section(results, confusions, report, families),
        *pictures_section(pictures, report, unread),
        "## Completeness",
        *_completeness(results, report, families),
        *_notes(results),
        "## Conventions",
        _CONVENTIONS,
        "## Files",
        *_cells(results, report),
        "## Provenance",
        "\n".join(f"- {name}: {value}" for name, value in provenance.items()) or "None given.",
    ]
    report.text("report.md", "\n\n".join(parts) + "\n")
    return report.written


def _comparative(
    results: pd.DataFrame, report: ReportFolder, lead: Sequence[str], families: Families
) -> list[str]:
    """Return the comparative tables: pretext × scorer, then finer, then per OOD set."""
    parts: list[str] = []
    present = set(results["distance"])
    distances = [distance for distance in ("near", "far") if distance in present]
    groups = results.groupby(list(lead), sort=True) if lead else [((), results)]
    for labels, here in groups:
        drawn = comparative_table(here, ("pretext",), ("distance", "scorer"), families=families)
        if drawn["value"].notna().any():
            figure = pretext_by_scorer(drawn, families)
            place = " ".join(map(str, labels))
            caption = f"AUROC by pretext task and scorer {place}".strip()
            parts.append(report.figure(f"auroc_by_pretext_{place}", figure, caption))
    for metric in ("auroc", "fpr95"):
        for distance in distances:
            parts += _table(results, report, [*lead, "pretext"], metric, distance, families)
    for distance in distances:
        rows = [*lead, *REPRESENTATION]
        parts += _table(results, report, rows, "auroc", distance, families)
    for metric in ("auroc", "fpr95"):
        rows = [*lead, "distance", "ood_set"]
        parts += _table(results, report, rows, metric, None, families)
    return parts


def _table(
    results: pd.DataFrame,
    report: ReportFolder,
    rows: Sequence[str],
    metric: str,
    distance: str | None,
    families: Families,
) -> list[str]:
    table = comparative_table(results, rows, ("scorer",), metric, distance, families=families)
    measure = measure_of(metric)
    direction = "higher is better" if measure.higher_is_better else "lower is better"
    prefix = f"{distance}-OOD " if distance else ""
    across = " × ".join([*rows, "scorer"]).replace("_", " ")
    name = "_".join([metric, *([distance] if distance else []), *rows[-3:]])
    link = report.table(name, table)
    told = (unequal_averages, doubtful_averages)
    notes = [
        note
        for tell in told
        for note in tell(results, rows, ("scorer",), distance, families=families)
    ]
    return [
        f"### {prefix}{measure.title}, %: {across}",
        f"{direction[0].upper()}{direction[1:]}. Full precision: {link}.",
        to_markdown(pivot(table, ("scorer",), mark_best=_BOLD)),
        *("> " + note for note in notes),
    ]


def _accuracy(results: pd.DataFrame, report: ReportFolder) -> list[str]:
    table = accuracy_table(results)
    return [
        "`*`: predicted by the nearest class mean, because the representation has no head. The "
        "interval is Student's over seeds, three or more; the margin over `random` of the same "
        "fine-tuning and backbone is paired by seed. Neither speaks of other test images. Full "
        f"precision: {report.table('id_accuracy', table)}.",
        to_markdown(accuracy_display(table)),
    ]


def _completeness(results: pd.DataFrame, report: ReportFolder, families: Families) -> list[str]:
    by_representation = completeness(results, families=families)
    by_scorer = completeness(results, ("scorer",), families=families)
    missing = unfinished(results, families=families)
    links = [
        report.table("completeness_by_representation", by_representation),
        report.table("completeness_by_scorer", by_scorer),
    ]
    parts = [
        "`undefined` cells are done, but their AUROC has no defined value. As CSV: "
        + ", ".join(links)
        + ".",
        to_markdown(by_representation),
        to_markdown(by_scorer),
    ]
    if missing.empty:
        return [*parts, "Every cell is done and has a value."]
    reasons = why_unfinished(results, families=families)
    shown = reasons.head(_MOST_REASONS)
    shown = shown.assign(reason=shown["reason"].map(_first_line))
    link = report.table("unfinished_cells", missing)
    more = len(reasons) - len(shown)
    return [
        *parts,
        "### Cells without a value, by reason",
        f"{len(missing)} cells; all of them, with their full reasons: {link}.",
        to_markdown(shown),
        *([f"{more} rarer reasons are in that file."] if more else []),
    ]


def _notes(results: pd.DataFrame) -> list[str]:
    """Return what numbers say of themselves, by how many say it."""
    said = notes_said(results)
    if not said:
        return []
    lines = [f"- {note}: {n} cells" for note, n in said[:_MOST_REASONS]]
    more = len(said) - len(lines)
    lines += [f"- {more} rarer notes: column `note` of cells.csv"] if more else []
    return ["### Notes on numbers", "\n".join(lines)]


def _cells(results: pd.DataFrame, report: ReportFolder) -> list[str]:
    """Write the cells themselves, in label order, and list the files of the report."""
    per_sweep = results["sweep"].nunique() > 1
    cells = distinct_cells(results, per_sweep=per_sweep)
    names = ["cell_key", "status", "reason", *MEASURES, "id_accuracy_from"]
    optional = [
        "note",
        "auroc_low",
        "auroc_high",
        "n_id",
        "n_ood",
        "evaluation_key",
        "representation_key",
    ]
    names += [name for name in optional if name in cells.columns]
    cells = cells.sort_values([*AXES, "cell_key"], kind="stable")[[*AXES, *names]]
    report.table("cells", cells)
    return ["\n".join(f"- [{path.name}]({path.name})" for path in report.written)]


def _first_line(reason: str, width: int = 160) -> str:
    line = reason.strip().partition("\n")[0]
    return line if len(line) <= width else line[: width - 1] + "…"
