"""Two experiment files that bear one sweep's name: no reader takes one's rows for the other's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mood_sweeps as ms

Say = Callable[..., Any]
SWEEP = """\
name: twice
axes:
  pretext: [random]
  backbone: [{backbone}]
  finetune: [pt]
  scorer: [{scorers}]
pairs:
  - {{id: digits:0-5, far: [gaussian]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(SWEEP.format(backbone="vit_nano", scorers="cosine"))
    (tmp_path / "b.yaml").write_text(SWEEP.format(backbone="resnet_nano", scorers="cosine, knn"))
    return tmp_path


def launch(say: Say, folder: Path, file: str) -> Any:
    said = say(folder, "launch", file, "--executor", "inline", "--no-mlflow")
    assert said.code == 0
    return said


def rows(text: str) -> list[tuple[str, str]]:
    return sorted((row["backbone"], row["scorer"]) for row in csv.DictReader(io.StringIO(text)))


OF_A = [("vit_nano", "cosine")]
OF_B = [("resnet_nano", "cosine"), ("resnet_nano", "knn")]


def test_one_after_the_other(folder: Path, say: Say) -> None:
    assert "revision" not in launch(say, folder, "a.yaml").out
    assert "revision" not in say(folder, "results").out
    said = launch(say, folder, "b.yaml").out
    assert "twice: revision 2 (b.yaml, 2 cells" in said
    assert "replaces revision 1 (a.yaml, 1 cell" in said
    other = "mood-sweep results --sweep twice --revision 1"
    assert other in said

    shown = say(folder, "results")
    assert "twice: revision 2 (b.yaml, 2 cells" in shown.out
    assert "revision 1 (a.yaml, 1 cell" in shown.out
    assert other in shown.out
    table = say(folder, "results", "--format", "csv")
    assert rows(table.out) == OF_B
    assert other in table.err
    hidden = say(folder, *other.split()[1:], "--format", "csv")
    assert rows(hidden.out) == OF_A
    assert "mood-sweep results --sweep twice --revision 2" in hidden.err
    assert "no row has revision 3" in say(folder, "results", "--revision", "3").err
    frame = ms.open_results(folder / ".mood").frame(revision=[1, 2])
    assert len(frame) == 3

    assert (
        "this launch is of revision 2; twice: revision 2 (b.yaml, 2 cells"
        in say(folder, "status").out
    )
    (status,) = json.loads(say(folder, "status", "--json").out)
    assert status["revision"] == 2

    say(folder, "report")
    report = (folder / ".mood/reports/twice/report.md").read_text()
    assert "- revision: revision 2 (b.yaml, 2 cells" in report
    assert other in report
    say(folder, "report", "--revision", "1")
    report = (folder / ".mood/reports/twice@1/report.md").read_text()
    assert "- revision: revision 1 (a.yaml, 1 cell" in report
    assert "vit_nano" in report
    assert "resnet_nano" not in report
    assert "has no revision 3; it has 1, 2" in say(folder, "report", "--revision", "3").err


class Meanwhile:
    """Launches another file as soon as a call of the first one has begun."""

    def __init__(self, file: Path, home: Path) -> None:
        self.file = file
        self.home = home
        self.launched: ms.LaunchResult | None = None

    def started(self, *_: Any) -> None:
        if self.launched is None:
            self.launched = ms.launch(self.file, home=self.home, executor="inline", mlflow=False)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def test_both_at_once(folder: Path, say: Say) -> None:
    home = folder / ".mood"
    meanwhile = Meanwhile(folder / "b.yaml", home)
    first = ms.launch(
        folder / "a.yaml", home=home, reporter=meanwhile, executor="inline", mlflow=False
    )
    second = meanwhile.launched
    assert second is not None
    (said,) = second.notes
    assert "launch 1 is running under the name 'twice' too, with revision 1 (a.yaml" in said
    assert "mood-sweep results --sweep twice --revision 1" in said
    (said,) = first.notes
    assert "'twice' was launched with revision 2 (b.yaml, 2 cells" in said
    assert "mood-sweep results --sweep twice --revision 1" in said
    assert (first.is_shown, second.is_shown) == (False, True)
    # Each has its own rows, whatever is shown by now.
    for launched, expected in ((first, OF_A), (second, OF_B)):
        frame = launched.frame()
        assert sorted(zip(frame["backbone"], frame["scorer"], strict=True)) == expected
        assert set(frame["status"]) == {"done"}
    assert rows(say(folder, "results", "--format", "csv").out) == OF_B
