from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.errors import InputError
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.launching.launch import launch
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.progress import SilentProgress
from mood_sweeps.metrics import METRICS
from mood_sweeps.planning.calls import Call
from mood_sweeps.store import Ref
from mood_sweeps.workspace import Workspace
from tests.support.small_launches import OPTIONS, TINY, Tried, plan_in, try_launch


class RecordingReporter(SilentProgress):
    """Records the calls that ran, and every line printed."""

    def __init__(self) -> None:
        self.ran_calls: list[Call] = []
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        super().ended(call, attempt, outcome, final)
        if outcome.is_finished and outcome.verdict != "reused":
            self.ran_calls.append(call)

    @property
    def kinds(self) -> Counter[str]:
        return Counter(call.kind for call in self.ran_calls)


def again(
    before: Tried, text: str = TINY, options: Options = OPTIONS
) -> tuple[Tried, RecordingReporter]:
    watched = RecordingReporter()
    return try_launch(text, before.folder, reporter=watched, options=options), watched


def numbers(tried: Tried) -> list[tuple[Any, ...]]:
    """Return the columns that must not depend on when and in how many launches they were made."""
    return tried.query(
        f"select cell_key, status, reason, evaluation_key, {', '.join(METRICS)}, missing_metrics, "
        "n_id, n_ood, note from results order by cell_key"
    )


def objects(tried: Tried) -> set[Path]:
    return set((tried.folder / "store" / "objects").rglob("manifest.json"))


def test_a_launch_fills_a_row_for_every_cell(trained: Tried) -> None:
    launched = trained.launched
    assert launched.exit_code == 0
    assert launched.failures == launched.alarms == []
    assert launched.cells == {"done": 6}
    assert len(trained.rows()) == len(launched.plan.cells) == 6
    counts = launched.plan.stage_counts()
    assert launched.stages_run == counts["pretrain"] + counts["extract"] + 6
    frame = launched.results().frame()
    assert frame["auroc"].between(0, 1).all()
    assert (frame["auroc_low"] <= frame["auroc"]).all()
    assert (frame["auroc"] <= frame["auroc_high"]).all()
    assert set(frame["status"]) == {"done"}
    assert set(zip(frame["pretext"], frame["scorer"], strict=True)) == {
        ("classification(batch_size=256, epochs=1)", "msp"),
        ("classification(batch_size=256, epochs=1)", "knn"),
        ("random", "knn"),
    }
    assert set(frame["distance"]) == {"near", "far"}
    confusions = launched.results().confusions()
    per_cell = confusions.groupby("cell_key")["accepted"].sum()
    expected = (frame["fpr95"] * frame["n_ood"]).round().astype(int)
    assert per_cell.to_dict() == dict(zip(frame["cell_key"], expected, strict=True))
    ((outcome, calls, ended),) = trained.query(
        "select outcome, calls_planned, ended_at is not null from launches"
    )
    assert (outcome, calls, ended) == ("done", 6, 1)
    assert trained.query("select distinct outcome from attempts") == [("done",)]
    assert trained.query("select count(*) from stages") == [(2 + 2 * 4,)]
    assert list((trained.folder / "store" / "leases").iterdir()) == []
    assert list((trained.folder / "store" / "tmp").iterdir()) == []


def test_the_same_launch_again_changes_nothing(launched: Tried) -> None:
    again(launched)  # writes the folder of this copy; later launches change nothing
    dump, there = launched.database_dump(), objects(launched)
    tried, watched = again(launched)
    assert tried.launched.exit_code == 0
    assert tried.launched.stages_run == tried.launched.adopted == 0
    assert watched.ran_calls == []
    assert launched.database_dump() == dump
    assert objects(launched) == there


def test_a_new_database_is_filled_from_the_store_without_running_a_stage(launched: Tried) -> None:
    rows, there = launched.rows(), objects(launched)
    stages = launched.query("select * from stages order by key")
    for file in launched.folder.glob("results.db*"):
        file.unlink()
    tried, watched = again(launched)
    assert tried.launched.exit_code == 0
    assert (tried.launched.stages_run, tried.launched.adopted) == (0, 6)
    assert watched.ran_calls == []
    assert launched.rows() == rows
    assert launched.query("select * from stages order by key") == stages
    assert objects(launched) == there


def test_the_numbers_do_not_depend_on_the_place(launched: Tried, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    fresh = try_launch(TINY, elsewhere)
    assert numbers(fresh) == numbers(launched)


def test_one_more_scorer_costs_scoring_only(launched: Tried) -> None:
    before = set(launched.rows())
    tried, watched = again(launched, TINY.replace("[msp, knn]", "[msp, knn, energy]"))
    assert tried.launched.cells == {"done": 8}
    assert watched.kinds == {"score": 1}
    assert [call.units for call in watched.ran_calls] == [2]
    assert before < set(tried.rows())
    assert tried.launched.alarms == []


def test_a_scorer_that_is_removed_and_added_again_costs_nothing(launched: Tried) -> None:
    rows = launched.rows()
    tried, watched = again(launched, TINY.replace("[msp, knn]", "[knn]"))
    assert set(tried.rows()) < set(rows)
    assert len(tried.rows()) == 4
    tried, watched = again(launched)
    assert watched.ran_calls == []
    assert tried.rows() == rows


def test_one_more_seed_costs_that_seed_only(launched: Tried) -> None:
    before = set(launched.rows())
    tried, watched = again(launched, TINY.replace("seed: [0]", "seed: [0, 1]"))
    assert tried.launched.cells == {"done": 12}
    assert all("seed 1" in call.label for call in watched.ran_calls)
    assert watched.kinds == {"pretrain": 2, "extract": 2, "score": 2}
    assert before < set(tried.rows())


def test_one_more_pair_costs_its_banks_only(launched: Tried) -> None:
    before = set(launched.rows())
    tried, watched = again(launched, TINY.replace("[gaussian]", "[gaussian, uniform]"))
    assert tried.launched.cells == {"done": 9}
    assert watched.kinds == {"extract": 2, "score": 2}
    assert sum(call.units for call in watched.ran_calls if call.kind == "extract") == 2
    assert before < set(tried.rows())


def test_another_name_shares_every_number(launched: Tried) -> None:
    tried, watched = again(launched, TINY.replace("name: tiny", "name: other"))
    assert watched.ran_calls == []
    assert tried.launched.cells == {"done": 6}
    assert tried.query("select sweep, count(*) from results group by sweep") == [
        ("other", 6),
        ("tiny", 6),
    ]


PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Norm:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    def fit(self, train, head):
        return {}

    def score(self, state, bank):
        BODY


SCORERS = {"norm": Norm}
"""
WITH_PLUGIN = TINY.replace("corpus:", "plugins: [norm.py]\ncorpus:").replace("knn]", "knn, norm]")


def test_a_scorer_that_raises_is_named_and_the_rest_completes(launched: Tried) -> None:
    before = set(launched.rows())
    plugin = launched.folder / "norm.py"
    plugin.write_text(PLUGIN.replace("BODY", 'raise ZeroDivisionError("not today")'))
    tried, watched = again(launched, WITH_PLUGIN.replace("norm]", "norm, energy]"))
    why = "norm.py:17: scorer 'norm': ZeroDivisionError: not today"
    assert tried.launched.exit_code == 1
    assert tried.launched.cells == {"done": 8, "failed": 4}
    assert before < set(tried.rows())
    assert len(tried.launched.failures) == 2
    assert all("ZeroDivisionError: not today" in line for line in tried.launched.failures)
    log = tried.query("select log from attempts where outcome = 'failed'")[0][0]
    said = [line for line in watched.lines if "2 cells failed" in line]
    assert said[0].endswith(log)
    assert tried.launched.failures[0].endswith(log)
    assert not any(why in line for line in said)  # the launch's end says it
    assert why in (tried.folder / log).read_text()
    failed = tried.query("select scorer, status, reason from results where status = 'failed'")
    assert failed == [("norm", "failed", why)] * 4
    # A plugin's scorers have a call of their own, and this one has no other.
    attempts = "select error, traceback from attempts where launch = 2 and outcome = 'failed'"
    assert len(tried.query(attempts)) == 2
    for error, trace in tried.query(attempts):
        assert error == why
        assert "Traceback" in trace
        assert "norm.py" in trace
        assert 'raise ZeroDivisionError("not today")' in trace
    assert tried.query("select outcome from launches") == [("done",), ("failed",)]

    # The same launch again tries only what failed.
    tried, watched = again(launched, WITH_PLUGIN.replace("norm]", "norm, energy]"))
    assert tried.launched.exit_code == 1
    assert {call.kind for call in watched.ran_calls} == {"score"}
    assert sum(call.units for call in watched.ran_calls) == 4

    plugin.write_text(PLUGIN.replace("BODY", "return np.linalg.norm(bank.features, axis=1)"))
    tried, watched = again(launched, WITH_PLUGIN.replace("norm]", "norm, energy]"))
    assert tried.launched.exit_code == 0
    assert tried.launched.cells == {"done": 12}
    assert sum(call.units for call in watched.ran_calls) == 4
    assert before < set(tried.rows())
    tried, watched = again(launched, WITH_PLUGIN.replace("norm]", "norm, energy]"))
    assert watched.ran_calls == []


def test_a_score_without_a_value_is_a_row_with_its_reason(launched: Tried) -> None:
    plugin = launched.folder / "norm.py"
    plugin.write_text(PLUGIN.replace("BODY", "return np.full(len(bank), np.nan)"))
    tried, _ = again(launched, WITH_PLUGIN)
    assert tried.launched.exit_code == 0
    rows = tried.query("select status, reason, auroc from results where scorer = 'norm'")
    assert rows == [("done", "433 of 433 ID scores are NaN or infinite", None)] * 4
    tried, watched = again(launched, WITH_PLUGIN)
    assert watched.ran_calls == []


def place(tried: Tried, ref: Ref) -> Path:
    return tried.folder / "store" / "objects" / ref.kind / ref.key[:2] / ref.key


def classification(tried: Tried) -> Any:
    plan = tried.launched.plan
    return next(one for one in plan.representations if one.pretext.startswith("classification"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
@pytest.mark.parametrize("what", ["bank", "checkpoint", "head"])
def test_a_damaged_object_is_made_again_by_the_launch_that_needs_it(
    launched: Tried, what: str, damage: str
) -> None:
    before = numbers(launched)
    one = classification(launched)
    ref = one.banks["digits:6-9", "all"].ref if what == "bank" else one.checkpoint.ref
    name = {"bank": "bank", "checkpoint": "model", "head": "head"}[what] + ".safetensors"
    file = place(launched, ref) / name
    content = file.read_bytes()
    if damage == "flip":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncate":
        file.write_bytes(content[:-1])
    else:
        file.unlink()

    # No missing number needs it yet.
    tried, watched = again(launched)
    assert (tried.launched.exit_code, watched.ran_calls) == (0, [])

    text = TINY.replace("[msp, knn]", "[msp, knn, energy]")
    tried, watched = again(launched, text)
    assert tried.launched.exit_code == 0
    assert tried.launched.cells == {"done": 8}
    assert tried.launched.failures == tried.launched.alarms == []
    made = "extract" if what == "bank" else "pretrain"
    assert watched.kinds == {made: 1, "score": 1}
    assert file.read_bytes() == content  # the same bits, made again
    assert len(list((launched.folder / "store" / "quarantine").iterdir())) == 1
    assert set(before) < set(numbers(tried))


def test_a_checkpoint_that_is_made_again_enters_the_outbox_again(launched: Tried) -> None:
    checkpoint = classification(launched).checkpoint
    of_it = f"subject like '{checkpoint.key}%' and kind = 'representation'"
    assert len(launched.query(f"select * from outbox where {of_it}")) == 1
    shutil.rmtree(place(launched, checkpoint.ref))
    tried, watched = again(launched, TINY.replace("[msp, knn]", "[msp, knn, energy]"))
    assert watched.kinds == {"pretrain": 1, "score": 1}
    assert len(tried.query(f"select * from outbox where {of_it}")) == 2
    # Checkpoints that are only new enter it once.
    rest = "kind = 'representation' group by subject having count(*) > 1"
    assert len(tried.query(f"select subject from outbox where {rest}")) == 1


def test_a_damaged_score_object_is_made_again_for_a_new_database(launched: Tried) -> None:
    before = numbers(launched)
    for file in launched.folder.glob("results.db*"):
        file.unlink()
    damaged, *_ = (launched.folder / "store" / "objects" / "score").rglob("evaluations.json")
    damaged.write_text(damaged.read_text()[:-1] + " ")
    tried, watched = again(launched)
    assert tried.launched.exit_code == 0
    assert watched.kinds == {"score": 1}
    assert numbers(tried) == before


def test_deleted_objects_that_nothing_needs_are_not_made_again(launched: Tried) -> None:
    shutil.rmtree(launched.folder / "store" / "objects" / "extract")
    shutil.rmtree(launched.folder / "store" / "objects" / "pretrain")
    tried, watched = again(launched)
    assert (tried.launched.exit_code, watched.ran_calls) == (0, [])


class Interrupting(RecordingReporter):
    """Sends Ctrl-C after ``after`` calls."""

    def __init__(self, after: int, times: int) -> None:
        super().__init__()
        self.after = after
        self.times = times

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        super().ended(call, attempt, outcome, final)
        if len(self.ran_calls) == self.after:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_launch_keeps_what_it_finished(
    trained: Tried, tmp_path: Path, after: int, times: int
) -> None:
    interrupting = Interrupting(after, times)
    tried = try_launch(TINY, tmp_path, reporter=interrupting)
    assert tried.launched.exit_code == 130
    assert len(interrupting.ran_calls) == after
    assert tried.query("select outcome from launches") == [("interrupted",)]
    assert list((tmp_path / "store" / "leases").iterdir()) == []
    finished = {call.key for call in interrupting.ran_calls}

    tried, watched = again(tried)
    assert tried.launched.exit_code == 0
    assert not finished & {call.key for call in watched.ran_calls if call.kind != "extract"}
    assert len(interrupting.ran_calls) + len(watched.ran_calls) == 6
    assert numbers(tried) == numbers(trained)


def test_the_next_launch_closes_one_that_was_killed(launched: Tried) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(f"sqlite:///{launched.folder}/results.db")
    with engine.begin() as connection:
        connection.execute(
            text("update launches set ended_at = null, outcome = null, process_started = 1")
        )
        connection.execute(text("update attempts set ended_at = null, outcome = null where id = 1"))
    engine.dispose()
    again(launched)
    assert launched.query("select outcome from launches") == [("killed",)]
    assert launched.query("select outcome from attempts where id = 1") == [("abandoned",)]


def test_after_max_failures_nothing_new_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mood_sweeps.jobs import tuning_trials as trials

    def diverge(*_: Any) -> None:
        raise FloatingPointError("the loss is inf")

    monkeypatch.setattr(trials, "train", diverge)
    watched = RecordingReporter()
    options = Options(executor="inline", mlflow=False, max_failures=1)
    tried = try_launch(TINY, tmp_path, reporter=watched, options=options)
    assert tried.launched.exit_code == 1
    assert not tried.launched.interrupted
    assert len(tried.launched.failures) == 1
    assert tried.query("select count(*) from attempts") == [(1,)]
    assert tried.launched.cells.keys() == {"skipped", "pending"}
    (reason,) = {row[0] for row in tried.query("select reason from cells where reason not null")}
    assert reason.endswith("failed: FloatingPointError: the loss is inf")
    assert reason.startswith("pretrain ")


def test_all_problems_are_reported_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    plan = plan_in(TINY, tmp_path)
    (tmp_path / "file").write_text("in the way")
    workspace = Workspace.at(
        tmp_path / "home",
        store=tmp_path / "file" / "store",
        database="postgresql://u:hunter2@127.0.0.1:9/db",
    )
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        launch(plan, workspace, Options(RaySettings(address="nowhere"), mlflow=False))
    messages = [str(problem) for problem in caught.value.problems]
    assert len(messages) == 3
    assert "file is not a folder" in messages[0]
    assert "u:***@127.0.0.1:9" in messages[1]
    assert "is no Ray address" in messages[2]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("place", ["store", "results.db"])
def test_a_file_for_a_folder_or_the_reverse_is_bad_input(tmp_path: Path, place: str) -> None:
    plan = plan_in(TINY, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    if place == "store":
        (home / place).write_text("a file")
    else:
        (home / place).mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        launch(plan, Workspace.at(home), OPTIONS)
    assert str(home / place) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_stored_scores_give_the_numbers_of_the_rows(trained: Tried) -> None:
    from mood_sweeps.metrics import auroc
    from mood_sweeps.store.codecs import load_arrays

    scores: dict[str, np.ndarray[Any, Any]] = {}
    for kind in (trained.folder / "store" / "objects" / "score").iterdir():
        for ref in trained.store.refs(f"score/{kind.name}"):
            scores |= load_arrays(trained.store.folder(ref) / "scores.safetensors")
    rows = dict(trained.query("select evaluation_key, auroc from results"))
    for cell in trained.launched.plan.cells:
        both = scores[cell.id_scores_key], scores[cell.ood_scores_key]
        assert rows[cell.evaluation_key] == auroc(*both)


def test_selected_settings_are_rows_with_a_note_on_the_selection(launched: Tried) -> None:
    text = TINY.replace("[msp, knn]", "[{knn: {k: [1, 50]}}]").replace(
        "far: [gaussian]}", "far: [gaussian], ood_val: [shapes]}\nselect: {on: id_val+ood_val}"
    )
    tried, watched = again(launched, text)
    # The selection also uses the scores of k = 50 from an earlier launch.
    assert watched.kinds == {"extract": 2, "score": 2}
    rows = tried.query("select scorer, ood_set, pretext, auroc, note from results")
    by_cell = {row[:3]: row for row in rows}
    selected = [row for row in rows if row[0] == "knn(selected)"]
    assert len(selected) == 4
    for _, ood_set, pretext, value, note in selected:
        setting, _, rest = note.partition(" selected on ")
        assert rest.startswith("digits:0-5/val + shapes, mean AUROC ")
        assert by_cell[setting, ood_set, pretext][3] == value
    assert tried.launched.exit_code == 0


LIVE = """\
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Still:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("network",)

    def fit(self, bank, head):
        return {}

    def score(self, state, bank):
        features, _ = bank.network.forward(bank.inputs[:])
        np.testing.assert_allclose(features, bank.features, rtol=1e-3, atol=1e-4)
        gradient = bank.network.input_gradient(bank.inputs[:], lambda x, z: (np.ones_like(x), None))
        return -np.abs(gradient).sum(axis=(1, 2, 3)).astype(np.float64)


SCORERS = {"still": Still}
"""


def test_a_scorer_may_use_the_network(launched: Tried) -> None:
    (launched.folder / "still.py").write_text(LIVE)
    text = TINY.replace("[msp, knn]", "[knn, still]").replace(
        "axes:", "plugins: [still.py]\naxes:", 1
    )
    tried, watched = again(launched, text)
    assert watched.kinds == {"score": 2}  # banks and checkpoints exist, the headless one's too
    rows = tried.query("select auroc from results where scorer = 'still'")
    assert len(rows) == 4
    assert all(0 <= value <= 1 for (value,) in rows)
