"""Four launches at once: one store, one database, grids that overlap, everything done once."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.command_line import SMALL, Driven
from tests.support.workspace_contents import NUMBERS, Facts

pytestmark = pytest.mark.system

GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "everything": {},
    "two_scorers": {"scorer": ("msp", "knn")},
    "one_seed": {"seed": (1,)},
    "one_backbone": {"backbone": ("vit_nano",), "scorer": ("energy", "knn", "mahalanobis")},
}
"""Sweeps by name: of which axes of the small sweep they take only some values."""


def four_at_once(folder: Path, *options: str) -> None:
    """Launch the four sweeps on an empty workspace, all at the same moment."""
    with ExitStack() as stack:
        launches = []
        for name, axes in GRIDS.items():
            (folder / f"{name}.yaml").write_text(SMALL.replace("name: small", f"name: {name}"))
            chosen = [f"axes.{axis}=[{', '.join(map(str, v))}]" for axis, v in axes.items()]
            arguments = ["launch", f"{name}.yaml", "--executor", "inline", *options]
            arguments += [part for setting in chosen for part in ("--set", setting)]
            launches.append(stack.enter_context(Driven(folder, *arguments)))
        for launch in launches:
            assert launch.wait(420) == 0, launch.output
            assert "ALARM" not in launch.output
            assert "Traceback" not in launch.output
            assert launch.orphans() == []


def done_several_times(store: Path) -> list[str]:
    """Return fits, scores and numbers that more than one object of the store holds."""
    made: Counter[str] = Counter()
    for place in (store / "objects" / "score").rglob("manifest.json"):
        provides = json.loads(place.read_text())["provides"]
        made.update([*provides["fits"], *provides["scores"]])
        rows = json.loads((place.parent / "evaluations.json").read_text())
        made.update(row["evaluation_key"] for row in rows)
    assert made
    return [key for key, times in made.items() if times > 1]


def expected(undisturbed: Facts, axes: dict[str, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return what a launch by itself found for the cells of a smaller grid."""
    kept = pd.DataFrame(undisturbed.rows(f"select {NUMBERS} from results"), dtype=object)
    kept.columns = pd.Index([name.strip() for name in NUMBERS.split(",")])
    for axis, values in axes.items():
        # Where a stage has no use for a seed there is one cell, whatever seeds are asked for.
        kept = kept[kept[axis].isin(values) | kept[axis].isna()]
    return exact(kept)


def exact(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows of a frame, floats to the last bit."""
    plain = frame.astype(object).where(frame.notna(), None)
    rows = plain.itertuples(index=False, name=None)
    shown = [tuple(v.hex() if isinstance(v, float) else v for v in row) for row in rows]
    return sorted(shown, key=repr)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_four_launches_at_once_do_everything_once_and_all_tables_are_right(
    folder: Path, undisturbed: Facts, kind: str, request: pytest.FixtureRequest
) -> None:
    facts = Facts(folder / ".mood")
    url = f"sqlite:///{facts.home / 'results.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres")
    four_at_once(folder, "--database", url)

    def ask(query: str) -> pd.DataFrame:
        return pd.read_sql(query, url)

    for name, axes in GRIDS.items():
        found = ask(f"select {NUMBERS} from results where sweep = '{name}'")
        found["seed"] = found["seed"].astype("Int64").astype(object)  # some cells have none
        assert len(found) > 0
        assert exact(found) == expected(undisturbed, axes), name
    outcomes = ask("select kind, call_key, outcome from attempts")
    assert set(outcomes["outcome"]) <= {"done", "reused"}
    done = outcomes[(outcomes["outcome"] == "done") & (outcomes["kind"] != "score")]
    assert not done["call_key"].duplicated().any()
    # A scoring call is asked for by several launches, each time for other scorers: by parts.
    assert done_several_times(facts.home / "store") == []
    assert set(ask("select outcome from launches")["outcome"]) == {"done"}
    assert len(ask("select * from outbox where done_at is null")) == 0
    assert facts.left_overs() == []
    shown = facts.rows(
        "select e.name, s.value, count(*) from runs r join experiments e "
        "on e.experiment_id = r.experiment_id join tags s on s.run_uuid = r.run_uuid "
        "and s.key = 'mood.subject' group by 1, 2",
        "mlflow.db",
    )
    assert {name for name, _, _ in shown} == set(GRIDS)
    assert {times for _, _, times in shown} == {1}
