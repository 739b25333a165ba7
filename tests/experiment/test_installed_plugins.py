from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.plugins.declared_scorers import declared_of
from tests.support.planned_sweeps import read

MODULE = """\
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Length:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"

    order: int = 2

    def fit(self, bank, head):
        return {}

    def score(self, state, bank):
        return (bank.features ** self.order).sum(axis=1)
"""
MODULE += """

@dataclass(frozen=True)
class Width(Length):
    pass
"""
SWEEP = """\
name: installed
axes: {pretext: [random], backbone: [vit_nano], finetune: [pt], scorer: [NAME]}
pairs: [{id: id:abc, far: [ood:xyz]}]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of installed packages, one of which offers scorers."""
    info = tmp_path / "lengths-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lengths\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mood_sweeps.scorers]\n"
        "length = lengths_of_tests:Length\n"
        "width = lengths_of_tests:Width\n"
        "missing = lengths_of_tests:Nothing\n"
        "broken = lengths_of_tests:dataclass\n"
    )
    (tmp_path / "lengths_of_tests.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def digest(site: Path) -> str:
    (choice,) = read(SWEEP.replace("NAME", "{length: {order: 4}}"), site).scorers
    assert choice.label == "length(order=4)"
    return choice.digest


def test_an_installed_scorer_is_identified_by_name_and_file_content(site: Path) -> None:
    before = digest(site)
    assert len(before) == 64
    assert digest(site) == before
    (site / "lengths_of_tests.py").write_text(MODULE + "# changed\n")
    assert digest(site) != before


def test_two_scorers_of_one_file_have_different_keys(site: Path) -> None:
    length, width = read(SWEEP.replace("NAME", "length, width"), site).scorers
    assert length.digest == width.digest
    plugins = [declared_of(one.parameters).plugin for one in (length, width)]
    assert plugins[0].key != plugins[1].key  # the key names their calls


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "'lengths_of_tests:Nothing' does not import: AttributeError"),
        ("broken", "must be a class made by @dataclass"),
        ("lenght", "unknown scorer 'lenght'"),
    ],
)
def test_an_unusable_scorer_is_a_problem_at_its_line(site: Path, name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(SWEEP.replace("NAME", name), site)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.where.endswith(":2")
