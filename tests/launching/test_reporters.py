"""The counts of a launch do not depend on its reporter."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import mood_sweeps as ms

SWEEP = """\
name: told
plugins: [raises.py]
axes:
  pretext: [random]
  backbone: [resnet_nano]
  finetune: [pt]
  scorer: [cosine, raises]
pairs:
  - {id: digits:0-5, far: [gaussian]}
"""
RAISES = """\
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Raises:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    def fit(self, train, head):
        raise ArithmeticError("on purpose")

    def score(self, state, bank):
        return bank.features[:, 0]

SCORERS = {"raises": Raises}
"""


class Mute:
    """Ignores every event."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.mark.parametrize("reporter", [None, Mute()], ids=["default", "mute"])
def test_failures_and_stages_are_counted_with_every_reporter(reporter: Any, tmp_path: Path) -> None:
    (tmp_path / "raises.py").write_text(RAISES)
    file = tmp_path / "told.yaml"
    file.write_text(SWEEP)
    launched = ms.launch(
        file, home=tmp_path / "home", reporter=reporter, executor="inline", mlflow=False
    )
    (failure,) = launched.failures
    assert "ArithmeticError: on purpose" in failure
    assert launched.exit_code == 1
    with sqlite3.connect(tmp_path / "home" / "results.db") as database:
        (units,) = database.execute("SELECT sum(units) FROM attempts").fetchone()
    # The network, its banks of ID train, ID test and OOD, and one of the two scorers' cells.
    assert (launched.stages_run, units) == (1 + 3 + 1, 1 + 3 + 2)
