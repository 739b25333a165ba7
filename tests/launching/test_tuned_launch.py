from __future__ import annotations

import json
from pathlib import Path

import pytest

from mood_sweeps.cli.plan_verb import describe
from mood_sweeps.errors import InputError
from mood_sweeps.launching.pending_work import PendingWork
from tests.support.small_launches import plan_in, try_launch

SWEEP = """\
name: tuned
corpus: digits:0-5
axes:
  pretext: [random]
  backbone: [{resnet_nano: {width: 8}}]
  finetune:
    - {pt+ft: {ft: {epochs: 2, batch_size: 256, tune: {space: {warmup: [0.1, 0.5]}, samples: 2}}}}
  scorer: [msp]
  seed: [0]
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""


def test_a_launch_publishes_the_winner_and_deletes_the_states_of_its_trials(tmp_path: Path) -> None:
    tried = try_launch(SWEEP, tmp_path)
    assert tried.launched.failures == []
    ((note,),) = tried.query("select note from results")
    assert note is None
    (ref,) = tried.store.refs("finetune")
    rows = json.loads((tried.store.folder(ref) / "trials.json").read_text())
    assert [len(row["rungs"]) for row in rows] in ([1, 2], [2, 1])
    assert tried.store.manifest(ref).origin.choices["stage"]["parameters"]["tune"]["samples"] == 2
    assert not [path for path in (tmp_path / "store" / "unfinished").rglob("*") if path.is_file()]
    assert try_launch(SWEEP, tmp_path).launched.stages_run == 0


def test_asha_in_one_process_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    asha = SWEEP.replace("samples: 2", "samples: 2, scheduler: asha")
    with pytest.raises(InputError, match="'asha' compares what runs side by side; it needs") as no:
        try_launch(asha, tmp_path / "")
    (problem,) = no.value.problems
    assert problem.where == str(tmp_path / "sweep.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_the_plan_shows_what_is_tuned(tmp_path: Path) -> None:
    nothing = PendingWork(frozenset(), (), ())
    text = "\n".join(describe(plan_in(SWEEP, tmp_path), nothing, None))
    assert "2 settings of warmup; rungs at 1, 2 epochs" in text
    assert "not deterministic" not in text
    asha = plan_in(SWEEP.replace("samples: 2", "samples: 2, scheduler: asha"), tmp_path)
    assert "not deterministic: its weights are no function of their key" in "\n".join(
        describe(asha, nothing, None)
    )
