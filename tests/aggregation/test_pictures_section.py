from __future__ import annotations

from pathlib import Path

import numpy as np

from mood_sweeps.aggregation.pictures_section import Drawn, pictures_section
from mood_sweeps.aggregation.report_folder import ReportFolder


def reconstructed(channels: int) -> Drawn:
    image = np.random.default_rng(0).random((2, channels, 4, 4), dtype=np.float32)
    arrays = {"image": image, "made": 2 * image, "distance": np.array([0.5, 12.345])}
    return Drawn("mae vit pt", "reconstructions", [("digits/test", arrays), ("noise/all", arrays)])


def test_a_section_for_each_subject_and_a_png_for_each_picture(tmp_path: Path) -> None:
    side = np.array([[[1, -1], [0, 0]]], dtype=np.int8)
    image = np.zeros((1, 1, 4, 4), dtype=np.float32)
    background = Drawn("random", "background", [("digits/train", {"image": image, "side": side})])
    report = ReportFolder(tmp_path)
    parts = pictures_section([background, reconstructed(3), reconstructed(1)], report)
    titles = [part for part in parts if part.startswith("## ")]
    assert titles == ["## Reconstructions", "## Background"]
    assert [path.name for path in report.written] == [
        "reconstructions_mae_vit_pt.png",
        "reconstructions_mae_vit_pt-2.png",
        "background_random.png",
    ]
    assert "![random](background_random.png)" in parts


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        report = ReportFolder(tmp_path / name)
        pictures_section([reconstructed(1)], report)
        written.append(report.written[0].read_bytes())
    assert written[0] == written[1]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    report = ReportFolder(tmp_path)
    *_, title, text, listed = pictures_section([reconstructed(1)], report, ["mae vit pt: torn"])
    assert title == "## Pictures that cannot be read"
    assert "The next launch takes them again" in text
    assert listed == "- mae vit pt: torn"
    assert len(report.written) == 1


def test_no_pictures_no_section(tmp_path: Path) -> None:
    assert pictures_section([], ReportFolder(tmp_path)) == []
