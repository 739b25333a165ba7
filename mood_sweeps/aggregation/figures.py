"""Tables as matplotlib figures: the one import of matplotlib, without pyplot's global state.

Families are coloured with the palette of Okabe and Ito (2008), which colour-blind readers can
tell apart; scorers of one family differ by marker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from mood_sweeps.aggregation.confusion_tables import PAIR, confusion_matrix
from mood_sweeps.aggregation.distinct_cells import Families, family_of, in_order
from mood_sweeps.aggregation.measures import measure_of

__all__ = ["Figure", "confusion_heatmaps", "image_grid", "pretext_by_scorer", "save_png"]

_FAMILY_COLOURS = {
    "probability": "#0072B2",
    "logit": "#56B4E9",
    "feature": "#009E73",
    "hybrid": "#CC79A7",
    "gradient": "#D55E00",
    "reconstruction": "#E69F00",
    "training": "#000000",
}
_OTHER_COLOUR = "#7F7F7F"
_MARKERS = "osD^vP<>X*hp"
_INK, _FAINT = "#222222", "#D9D9D9"
_HEAT = colormaps["Blues"]
_MOST_ANNOTATED, _MOST_TICKS = 16, 24


def save_png(figure: Figure, path: Path, *, dpi: int = 150) -> None:
    """Write a figure as PNG; the same figure gives the same bytes."""
    FigureCanvasAgg(figure)
    # matplotlib writes its own version into every PNG unless told otherwise.
    figure.savefig(path, format="png", dpi=dpi, metadata={"Software": None})


def pretext_by_scorer(table: pd.DataFrame, families: Families | None = None) -> Figure:
    """Draw a metric by pretext task, one panel per distance, one point per scorer.

    table: a comparative table with the axes pretext, distance and scorer, and no others.
    families: scorer → family, for colours and order. Bars are ± one standard deviation over
    seeds; a hollow point averages over fewer cells than the sweep has (some are missing).
    Raises ValueError when nothing in the table has a value.
    """
    families = families or {}
    known = table[table["value"].notna()]
    if known.empty:
        raise ValueError("the table has no value to draw")
    measure = measure_of(str(known["metric"].iloc[0]))
    distances = in_order(known["distance"], "distance")
    pretexts = in_order(known["pretext"], "pretext")
    styles = _scorer_styles(in_order(known["scorer"], "scorer", families), families)

    longest = max(map(len, map(str, pretexts)))
    slot = max(0.35 + 0.095 * len(styles), 0.2 + 0.085 * longest)
    width = max(3.2, 0.6 + slot * len(pretexts))
    figure = Figure(figsize=(width * len(distances) + 1.9, 4.6), layout="constrained")
    panels = figure.subplots(1, len(distances), sharey=True, squeeze=False)[0]
    for axes, distance in zip(panels, distances, strict=True):
        here = known[known["distance"] == distance]
        _points(axes, here, pretexts, styles)
        axes.set_title(f"{distance}-OOD", loc="left", color=_INK, fontweight="bold")
        axes.set_xlabel("pretext task")
    arrow = "higher is better" if measure.higher_is_better else "lower is better"
    panels[0].set_ylabel(f"{measure.title} (%), {arrow}")
    _legend(figure, styles, families)
    return figure


def confusion_heatmaps(frame: pd.DataFrame, *, columns: int = 4) -> Figure:
    """Draw which OOD class passes as which ID class, one panel per scorer, fewest first.

    frame: the lines of ``confusion_by_scorer`` for one pair. Numbers are mean images; colour,
    on one scale for all panels, is their share of the OOD class. Classes are annotated and
    labelled as far as there is room. columns: panels side by side.
    Raises ValueError for an empty frame or one with several pairs.
    """
    if frame.empty or len(frame[list(PAIR)].drop_duplicates()) != 1:
        raise ValueError("confusion heat maps need the lines of exactly one ID/OOD pair")
    matrices = {
        str(scorer): confusion_matrix(group)
        for scorer, group in frame.groupby("scorer", sort=False)
    }
    accepted = {scorer: _share(matrix) for scorer, matrix in matrices.items()}
    ordered = sorted(accepted, key=lambda scorer: accepted[scorer])
    id_set, ood_set = frame.iloc[0][list(PAIR)]
    n_ood, n_id = (len(set(frame[name])) for name in ("ood_class", "id_class"))
    n_rows = math.ceil(len(ordered) / columns)
    n_columns = min(columns, len(ordered))
    panel_width = min(max(0.42 * n_id, 2.3), 6.0)
    panel_height = min(max(0.42 * n_ood, 1.3), 6.0)
    figure = Figure(
        figsize=(
            max(n_columns * (panel_width + 0.35) + 1.5, 7.0),
            n_rows * (panel_height + 0.75) + 0.8,
        ),
        layout=ConstrainedLayoutEngine(wspace=0.05, hspace=0.07),
    )
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    norm = Normalize(0.0, max(float(frame["share"].max()) * 100, 1e-9))
    for axes, scorer in zip(panels.flat, ordered, strict=False):
        _heat(axes, scorer, matrices[scorer], norm)
    for axes in panels.flat[len(ordered) :]:
        axes.set_axis_off()
    for axes in panels.flat[max(len(ordered) - n_columns, 0) : len(ordered)]:
        axes.tick_params(labelbottom=True)
    figure.suptitle(
        f"{ood_set} images accepted as {id_set} at 95% ID TPR: mean images, fewest first",
        x=0.01,
        ha="left",
        fontsize=11,
        fontweight="bold",
        color=_INK,
    )
    figure.supxlabel("passes as ID class", fontsize=10)
    figure.supylabel("OOD class", fontsize=10)
    bar = figure.colorbar(
        ScalarMappable(norm, _HEAT), ax=panels, shrink=min(1.0, 2.0 / n_rows), aspect=18, pad=0.015
    )
    bar.set_label("share of the OOD class (%)")
    bar.outline.set_visible(False)
    return figure


def image_grid(
    names: Sequence[str], lines: Sequence[Sequence[tuple[npt.NDArray[Any], str]]]
) -> Figure:
    """Draw lines of images, each (S, S, 3) in [0, 1] with a few words above, in pairs."""
    n_columns = max(map(len, lines))
    figure = Figure(
        figsize=(0.62 * n_columns + 1.6, 0.8 * len(lines) + 0.2),
        layout=ConstrainedLayoutEngine(w_pad=0.015, h_pad=0.02, wspace=0.0, hspace=0.0),
    )
    panels = figure.subplots(len(lines), n_columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for row, name, line in zip(panels, names, lines, strict=True):
        for axes, (image, words) in zip(row, line, strict=False):
            axes.imshow(image, interpolation="nearest")
            axes.set_title(words, fontsize=7, color=_INK, pad=2)
        row[0].text(
            -0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=8
        )
    return figure


def _scorer_styles(scorers: list[str], families: Families) -> dict[str, tuple[str, str]]:
    """Return scorer → (colour of its family, a marker of its own inside the family)."""
    styles: dict[str, tuple[str, str]] = {}
    used: dict[str, int] = {}
    for scorer in scorers:
        family = family_of(scorer, families)
        position = used.get(family, 0)
        used[family] = position + 1
        colour = _FAMILY_COLOURS.get(family, _OTHER_COLOUR)
        styles[scorer] = (colour, _MARKERS[position % len(_MARKERS)])
    return styles


def _points(
    axes: Axes, here: pd.DataFrame, pretexts: list[str], styles: dict[str, tuple[str, str]]
) -> None:
    places = np.linspace(-0.38, 0.38, len(styles)) if len(styles) > 1 else np.zeros(1)
    for scorer, place in zip(styles, places, strict=True):
        colour, marker = styles[scorer]
        lines = here[here["scorer"] == scorer]
        for record in lines.to_dict("records"):
            complete = record["n_done"] == record["n_expected"]
            axes.errorbar(
                pretexts.index(record["pretext"]) + place,
                100 * record["value"],
                yerr=None if np.isnan(record["sd"]) else 100 * record["sd"],
                fmt=marker,
                color=colour,
                markerfacecolor=colour if complete else "white",
                markersize=5.5,
                elinewidth=1.1,
                capsize=2,
            )
    for border in range(1, len(pretexts)):
        axes.axvline(border - 0.5, color=_FAINT, linewidth=0.8)
    axes.set_xlim(-0.5, len(pretexts) - 0.5)
    axes.set_xticks(range(len(pretexts)), pretexts)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color=_FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, styles: dict[str, tuple[str, str]], families: Families) -> None:
    """Add a legend beside the panels, each family's scorers under its name in bold."""
    grouped: dict[str, list[str]] = {}
    for scorer in styles:
        grouped.setdefault(family_of(scorer, families), []).append(scorer)
    handles: list[Line2D] = []
    headings: list[int] = []
    for family, scorers in grouped.items():
        headings.append(len(handles))
        handles.append(Line2D([], [], linestyle="none", label=family))
        for scorer in scorers:
            colour, marker = styles[scorer]
            handles.append(
                Line2D([], [], color=colour, marker=marker, linestyle="none", label=scorer)
            )
    legend = figure.legend(
        handles=handles,
        loc="outside right upper",
        frameon=False,
        fontsize=8.5,
        handletextpad=0.4,
        labelspacing=0.35,
    )
    for position in headings:
        legend.get_texts()[position].set_fontweight("bold")


def _heat(axes: Axes, scorer: str, matrix: pd.DataFrame, norm: Normalize) -> None:
    classes = matrix.drop(index="all")
    counts = classes.drop(columns=["accepted", "images", "share"])
    shares = counts.div(classes["images"], axis="index").to_numpy() * 100
    axes.imshow(shares, cmap=_HEAT, norm=norm, aspect="auto")
    axes.set_title(
        f"{scorer}  ({100 * _share(matrix):.1f}% pass)",
        fontsize=9.5,
        loc="left",
        color=_INK,
    )
    _ticks(axes.set_xticks, [str(name) for name in counts.columns])
    _ticks(axes.set_yticks, [str(name) for name in counts.index])
    axes.tick_params(length=0, labelsize=8.5)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(0.5, counts.shape[1] - 1), minor=True)
    axes.set_yticks(np.arange(0.5, counts.shape[0] - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
    if max(counts.shape) > _MOST_ANNOTATED:
        return
    images = counts.to_numpy(dtype=float)
    whole = bool((images == np.round(images)).all())
    for (row, column), count in np.ndenumerate(images):
        dark = norm(shares[row, column]) > 0.55
        axes.text(
            column,
            row,
            f"{count:.0f}" if whole or count == 0 or count >= 9.95 else f"{count:.1f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else _INK,
        )


def _ticks(set_ticks: Any, labels: list[str]) -> None:
    step = math.ceil(len(labels) / _MOST_TICKS)
    set_ticks(range(0, len(labels), step), labels[::step])


def _share(matrix: pd.DataFrame) -> float:
    """Return the share of all OOD images that a scorer accepts, from its confusion matrix."""
    return float(matrix["share"].loc["all"])
