"""What is known of a plugin's scorers and taken from them, from outside of its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import Choice
from mood_sweeps.errors import PluginFailed
from mood_sweeps.experiment import load_sweep
from mood_sweeps.plugins import scorer_runner
from mood_sweeps.plugins.declared_scorers import declared_of
from mood_sweeps.plugins.scorer_runner import ScorerRunner

SOURCE = """\
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from mood_sweeps.scorers import Scorer


class Fitted(Scorer):
    def fit(self, train, head):
        return {"mean": train.features.mean(axis=0)}


@dataclass(frozen=True)
class Length(Fitted):
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"

    def __post_init__(self):
        pass

    def doubled(self, values):
        return 2 * values

    def score(self, state, bank):
        return self.doubled((bank.features - state["mean"]).sum(axis=1))


SCORERS = {"length": Length}
"""
SWEEP = """\
name: mine
plugins: [length.py]
axes: {pretext: [random], backbone: [vit_nano], finetune: [pt], scorer: [length]}
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""
BANK = FeatureBank(np.array([[1.0, 2.0], [5.0, 4.0]], dtype=np.float32), np.array([0, 1]))


@pytest.fixture(scope="module")
def length(tmp_path_factory: pytest.TempPathFactory) -> Choice:
    """Return the plugin's scorer as its process described it."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "length.py").write_text(SOURCE)
    (folder / "mine.yaml").write_text(SWEEP)
    (scorer,) = load_sweep(folder / "mine.yaml").scorers
    return scorer


@pytest.fixture
def runner() -> Iterator[ScorerRunner]:
    with closing(ScorerRunner()) as one:
        yield one


def line_of(text: str) -> str:
    (line,) = [n for n, one in enumerate(SOURCE.splitlines(), 1) if one.strip() == text]
    return f"length.py:{line}"


def test_a_method_is_placed_at_its_line_and_one_of_a_base_class_of_the_package_at_the_first(
    length: Choice,
) -> None:
    declared = declared_of(length.parameters)
    assert declared.place_of("score") == line_of("def score(self, state, bank):")
    assert declared.place_of("fit") == line_of("def fit(self, train, head):")
    # Not of `__post_init__`, which dataclasses call.
    assert declared.place_of("notes") == line_of("def doubled(self, values):")


def test_a_state_comes_back_in_files_unless_it_is_too_large(
    length: Choice, runner: ScorerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = runner.fit(length, BANK, None)
    np.testing.assert_array_equal(state["mean"], [3, 3])
    assert runner.score(length, state, BANK).tolist() == [-6, 6]
    # A file of two float32 has a header of 128 bytes.
    monkeypatch.setattr(scorer_runner, "MOST_STATE_BYTES", 136)
    np.testing.assert_array_equal(runner.fit(length, BANK, None)["mean"], [3, 3])
    monkeypatch.setattr(scorer_runner, "MOST_STATE_BYTES", 135)
    with pytest.raises(PluginFailed, match=r"scorer 'length': .*136 bytes; at most 135 are taken"):
        runner.fit(length, BANK, None)
