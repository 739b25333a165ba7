from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.errors import StageFailed
from mood_sweeps.jobs import tuning_trials as trials_module
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.jobs.train_stage import train
from mood_sweeps.jobs.tuning_trials import Trials, in_turn, train_or_tune
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Origin, Store
from mood_sweeps.tuning.successive_halving import FAILED
from tests.support.small_launches import plan_in

SWEEP = """\
name: tuned
corpus: digits:0-5
axes:
  pretext: [{pretext}]
  backbone: [{{resnet_nano: {{width: 8}}}}]
  finetune: [{finetune}]
  scorer: [knn]
  seed: [0]
pairs: [{{id: digits:0-5, near: [digits:6-9]}}]
"""
FT = """{pt+ft: {ft: {epochs: 3, batch_size: 256, tune: {
  space: {learning_rate: {loguniform: [1e-4, 1e-1]}}, samples: 4, reduction: 2}}}}"""
PROBE = "{pt+probe: {probe: {iterations: 20, tune: {space: {c: [1e-6, 0.1, 1]}, samples: 3}}}}"
CLASSIFICATION = """{classification: {epochs: 2, batch_size: 256, tune: {
  space: {label_smoothing: [0.0, 0.3]}, samples: 2}}}"""
MOCO = """{mocov3: {epochs: 1, batch_size: 256, tune: {
  space: {learning_rate: [1e-3, 1e-2]}, samples: 2}}}"""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with single_thread():
        yield


def stages_in(folder: Path, pretext: str = "random", finetune: str = "pt") -> tuple[Stage, ...]:
    """Return the training stages of the one representation, all but the last trained."""
    folder.mkdir(exist_ok=True)
    plan = plan_in(SWEEP.format(pretext=pretext, finetune=finetune), folder)
    chain = plan.representations[0].chain
    store = store_in(folder)
    store.prepare()
    for stage in chain[:-1]:
        store.publish(
            stage.ref, train(stage, store, None, 60.0).save, Origin(stage.content, {}, {}), None, 0
        )
    return chain


def store_in(folder: Path) -> Store:
    return Store(folder / "store")


def tuned_in(folder: Path, pretext: str = "random", finetune: str = "pt") -> Checkpoint:
    stage = stages_in(folder, pretext, finetune)[-1]
    return train_or_tune(stage, store_in(folder), None, 60.0)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return one.weights.keys() == other.weights.keys() and all(
        torch.equal(one.weights[name], other.weights[name]) for name in one.weights
    )


def test_the_winner_is_what_its_setting_trained_alone_gives(tmp_path: Path) -> None:
    stage = stages_in(tmp_path, finetune=FT)[-1]
    found = train_or_tune(stage, store_in(tmp_path), None, 60.0)
    (winner,) = (row for row in found.trials if row["is_winner"])
    alone = train(stage.trials()[winner["trial"]], store_in(tmp_path), None, 60.0)
    assert same(found, alone)
    assert found.curves == alone.curves == winner["curves"]
    assert found.summary == alone.summary
    assert winner["validation_accuracy"][-1] == found.summary["validation_accuracy"]


def test_the_halving_follows_from_the_scores_on_the_rungs(tmp_path: Path) -> None:
    rows = tuned_in(tmp_path, finetune=FT).trials
    # Rungs 1, 2 and 3 of 4 trials: 4, then 2, then 1.
    assert sorted(len(row["rungs"]) for row in rows) == [1, 1, 2, 3]
    first = [row["validation_accuracy"][0] for row in rows]
    longer = {row["trial"] for row in rows if len(row["rungs"]) > 1}
    assert longer == set(sorted(range(4), key=lambda n: (-first[n], n))[:2])
    second = {n: rows[n]["validation_accuracy"][1] for n in longer}
    (winner,) = (row["trial"] for row in rows if row["is_winner"])
    assert winner == min(longer, key=lambda n: (-second[n], n))
    assert [len(row["curves"]) for row in rows] == [len(row["rungs"]) for row in rows]


def test_a_killed_search_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tuned_in(tmp_path / "whole", finetune=FT)
    stage = stages_in(tmp_path / "killed", finetune=FT)[-1]
    store = store_in(tmp_path / "killed")
    begun: list[int] = []
    really = trials_module.train_from

    def dying(trial: Stage, *given: object) -> Checkpoint:
        if len(begun) == 5:
            raise KeyboardInterrupt
        begun.append(1)
        return really(trial, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(trials_module, "train_from", dying)
    with pytest.raises(KeyboardInterrupt):
        train_or_tune(stage, store, None, 0.0)
    begun[:] = [1]
    again = train_or_tune(stage, store, None, 0.0)
    assert len(begun) == 1 + 3, "what was done before was done again"
    assert same(again, whole)
    assert again.trials == whole.trials
    store.unfinished(stage.ref).discard()
    assert not list((tmp_path / "killed" / "store" / "unfinished").rglob("*-*"))


def test_the_order_of_arrival_decides_nothing(tmp_path: Path) -> None:
    stage = stages_in(tmp_path, finetune=FT)[-1]

    def backwards(trials: Trials) -> None:
        for number in reversed(range(4)):
            trials.advance(number, 0)

    found = train_or_tune(stage, store_in(tmp_path), None, 60.0, backwards)
    assert found.trials == tuned_in(tmp_path / "in turn", finetune=FT).trials


def test_what_was_kept_of_another_start_is_not_taken_up(tmp_path: Path) -> None:
    stage = stages_in(tmp_path, finetune=FT)[-1]
    store = store_in(tmp_path)
    trials = Trials(stage, store, None, 60.0)
    score = trials.advance(0, 0)
    place = store.unfinished(stage.ref).part("0-record")
    record = json.loads(place.read() or b"")
    place.write(json.dumps({**record, "scores": [0.125]}).encode())
    assert trials.advance(0, 0) == 0.125  # what is kept is believed
    place.write(json.dumps({**record, "scores": [0.125], "origin": "another"}).encode())
    assert trials.advance(0, 0) == score


@pytest.mark.parametrize("pretext", [CLASSIFICATION, MOCO])
def test_a_pretext_task_is_selected_on_the_corpus_validation_split(
    tmp_path: Path, pretext: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[tuple[str, str]] = []
    really = PlannedSet.open

    class Watched:
        def __init__(self, planned: PlannedSet) -> None:
            self.planned = planned

        def open(self, split: str) -> LabelledImages:
            loaded.append((self.planned.name, split))
            return really(self.planned).open(split)

    monkeypatch.setattr(PlannedSet, "open", lambda planned: Watched(planned))
    found = tuned_in(tmp_path, pretext=pretext)
    assert sum(row["is_winner"] for row in found.trials) == 1
    assert all(0.1 < row["validation_accuracy"][0] <= 1 for row in found.trials)
    # Neither a test split nor an OOD set is ever looked at.
    assert ("digits:0-5", "val") in loaded
    assert set(loaded) <= {("digits:0-5", "val"), ("digits:0-5", "train")}


def test_a_stage_without_epochs_has_one_rung(tmp_path: Path) -> None:
    found = tuned_in(tmp_path, finetune=PROBE)
    assert [row["rungs"] for row in found.trials] == [[1], [1], [1]]
    best = max(row["validation_accuracy"][0] for row in found.trials)
    assert found.summary["validation_accuracy"] == best
    assert found.head is not None


def test_a_trial_that_fails_loses_and_all_that_fail_fail_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stages_in(tmp_path, finetune=FT)[-1]
    store = store_in(tmp_path)
    rates = [trial.choices()["stage"]["parameters"]["learning_rate"] for trial in stage.trials()]
    really = trials_module.train_from
    doomed = set(rates[:2])

    def diverging(trial: Stage, *given: object) -> Checkpoint:
        if trial.choices()["stage"]["parameters"]["learning_rate"] in doomed:
            raise StageFailed("the loss is nan")
        return really(trial, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(trials_module, "train_from", diverging)
    found = train_or_tune(stage, store, None, 60.0)
    assert [row["error"] for row in found.trials] == ["the loss is nan"] * 2 + [""] * 2
    assert Trials(stage, store, None, 60.0).advance(0, 0) == FAILED

    store.unfinished(stage.ref).discard()
    doomed.update(rates)
    with pytest.raises(StageFailed, match="no trial came to its end; the first error: the loss is"):
        train_or_tune(stage, store, None, 60.0)


def test_the_object_holds_the_table_of_trials(tmp_path: Path) -> None:
    found = tuned_in(tmp_path, finetune=PROBE)
    found.save(tmp_path / "object")
    assert json.loads((tmp_path / "object" / "trials.json").read_text()) == found.trials
    assert safetensors.torch.load_file(tmp_path / "object" / "model.safetensors")


def test_in_turn_runs_rung_after_rung(tmp_path: Path) -> None:
    stage = stages_in(tmp_path, finetune=FT)[-1]
    trials = Trials(stage, store_in(tmp_path), None, 60.0)
    asked: list[tuple[int, int]] = []
    scores = [[0.2], [0.9, 0.5, 0.6], [0.9, 0.5], [0.1]]
    trials.advance = lambda number, rung: asked.append((number, rung)) or scores[number][rung]  # type: ignore[method-assign, func-returns-value]
    in_turn(trials)
    assert asked == [(0, 0), (1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2)]
