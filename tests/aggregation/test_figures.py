from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from mood_sweeps.aggregation.comparative_table import comparative_table
from mood_sweeps.aggregation.confusion_tables import confusion_by_scorer
from mood_sweeps.aggregation.figures import Figure, confusion_heatmaps, pretext_by_scorer, save_png


def _overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Return the pairs of visible texts with boxes that cross."""
    FigureCanvasAgg(figure).draw()
    texts = figure.findobj(lambda item: hasattr(item, "get_unitless_position"))
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in texts
        if text.get_visible() and text.get_text().strip()
    ]
    return [
        (a, b)
        for index, (a, first) in enumerate(boxes)
        for b, second in boxes[index + 1 :]
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 1
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 1
    ]


def _table(results: pd.DataFrame, families: dict[str, str]) -> pd.DataFrame:
    return comparative_table(results, ("pretext",), ("distance", "scorer"), families=families)


def test_pretext_by_scorer_has_a_panel_per_distance(full_results, families):
    figure = pretext_by_scorer(_table(full_results, families), families)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["near-OOD", "far-OOD"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:4] == ["probability", "msp", "entropy", "kl_matching"]
    assert len(labels) == 11 + 5
    assert figure.axes[0].get_ylabel() == "AUROC (%), higher is better"


def test_an_incomplete_mean_is_hollow(results, families):
    results.loc[(results["scorer"] == "vim") & (results["ood_set"] == "photos"), "status"] = (
        "failed"
    )
    figure = pretext_by_scorer(_table(results, families), families)
    near, far = figure.axes
    hollow = [
        sum(line.get_markerfacecolor() == "white" for line in axes.lines) for axes in (near, far)
    ]
    assert hollow == [0, 4]


def test_only_the_distances_that_exist_are_drawn(full_results, families):
    far = full_results[full_results["distance"] == "far"]
    assert len(pretext_by_scorer(_table(far, families), families).axes) == 1


def test_nothing_to_draw_is_an_error(results, families):
    results["status"] = "pending"
    with pytest.raises(ValueError, match="no value to draw"):
        pretext_by_scorer(_table(results, families), families)


def test_heat_maps_annotate_counts_fewest_first(full_confusions):
    frame = confusion_by_scorer(full_confusions)
    figure = confusion_heatmaps(frame)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 11
    passing = [float(axes.get_title(loc="left").split("(")[-1].split("%")[0]) for axes in panels]
    assert passing == sorted(passing)
    assert len(panels[0].texts) == 4 * 6
    assert len({(axes.images[0].norm.vmin, axes.images[0].norm.vmax) for axes in panels}) == 1


@pytest.mark.parametrize("n_scorers", [1, 3, 11])
def test_no_texts_overlap(full_results, full_confusions, families, n_scorers):
    scorers = list(families)[:n_scorers] if n_scorers < 11 else set(full_results["scorer"])
    results = full_results[full_results["scorer"].isin(scorers)]
    confusions = full_confusions[full_confusions["scorer"].isin(scorers)]
    assert _overlaps(confusion_heatmaps(confusion_by_scorer(confusions))) == []
    assert _overlaps(pretext_by_scorer(_table(results, families), families)) == []


def test_many_classes_are_drawn_without_numbers(full_confusions):
    first = full_confusions[full_confusions["scorer"] == "msp"]
    many = pd.concat(
        first.assign(id_class=first["id_class"] + f" {copy}", ood_class=first["ood_class"])
        for copy in range(20)
    )
    figure = confusion_heatmaps(confusion_by_scorer(many))
    assert len(figure.axes[0].texts) == 0
    assert len(figure.axes[0].get_xticks()) <= 24


def test_nothing_confused_is_drawn(full_confusions):
    confusion_heatmaps(confusion_by_scorer(full_confusions.assign(accepted=0)))


def test_two_pairs_in_one_figure_are_refused(full_confusions):
    frame = confusion_by_scorer(full_confusions)
    with pytest.raises(ValueError, match="exactly one ID/OOD pair"):
        confusion_heatmaps(pd.concat([frame, frame.assign(ood_set="other")]))


def test_the_same_figure_gives_the_same_bytes(full_results, families, tmp_path: Path):
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in paths:
        save_png(pretext_by_scorer(_table(full_results, families), families), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with Image.open(paths[0]) as image:
        assert "Software" not in image.info
        assert np.asarray(image.convert("L")).std() > 5
