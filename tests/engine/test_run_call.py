from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.engine.environment import environment
from mood_sweeps.engine.executors.inline import InlineExecutor, InlineSettings
from mood_sweeps.engine.run_call import run_call
from mood_sweeps.errors import StageFailed
from mood_sweeps.jobs import tuning_trials as trials
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.missing_calls import calls_for
from mood_sweeps.planning.plan import Plan
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store import Store
from mood_sweeps.store.codecs import load_bank
from tests.support.small_launches import TINY, Tried, plan_in


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_in(TINY, tmp_path)


@pytest.fixture
def store(launched: Tried) -> Iterator[Store]:
    """A store that holds everything the tiny sweep makes."""
    store = launched.store
    yield store
    store.leases.close()


def calls(plan: Plan, kind: str) -> list[Call]:
    """Return the calls of a kind that would make the whole plan from nothing."""
    found = calls_for(plan, plan.cells, lambda _: False, image_set)
    return [call for call in found if call.kind == kind]


def did(call: Call, store: Store, *, scores_on_gpu: bool = False) -> Outcome:
    lease = store.leases.acquire(call.key)
    assert lease is not None
    try:
        settings = WorkerSettings(scores_on_gpus=scores_on_gpu)
        return run_call(call, store, lease, settings, ScorerRunner())
    finally:
        store.leases.release(lease)


def classified(plan: Plan, kind: str) -> Call:
    return next(call for call in calls(plan, kind) if "classification" in call.label)


def test_training_again_gives_the_same_bytes(plan: Plan, store: Store, tmp_path: Path) -> None:
    call = classified(plan, "pretrain")
    elsewhere = Store(tmp_path / "elsewhere")
    outcome = did(call, elsewhere)
    assert outcome.verdict == "done"
    assert outcome.seconds > 0
    assert outcome.worker.endswith(f":{os.getpid()}")
    (made,) = outcome.made
    assert made.digest == store.manifest(call.makes[0]).digest
    assert made.environment == environment()["class"]
    manifest = elsewhere.manifest(made.ref)
    assert manifest.origin.content == call.stage.content
    assert did(call, elsewhere).verdict == "reused"


def test_a_gpu_is_named_by_what_was_computed_on_it(
    plan: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mood_sweeps.jobs import device
    from mood_sweeps.scorers.numeric import torch_device

    monkeypatch.setattr(device, "own_gpu", lambda: "Abacus 9")
    monkeypatch.setattr(torch_device, "cuda", lambda: torch_device.TorchDevice("cpu"))
    on_gpu = environment("Abacus 9")["class"]
    assert on_gpu.startswith("cuda Abacus 9 torch-")
    (made,) = did(classified(plan, "pretrain"), Store(tmp_path / "elsewhere")).made
    assert made.environment == on_gpu
    call = classified(plan, "score")
    assert call.scoring is not None
    before = {row["evaluation_key"]: row for row in did(call, store).evaluations}
    for scores_on_gpu, named in ((False, environment()["class"]), (True, on_gpu)):
        for ref in store.refs(f"score/{call.scoring.group}"):
            store.quarantine(ref)
        outcome = did(call, store, scores_on_gpu=scores_on_gpu)
        assert outcome.failures == ()
        assert {row["environment"] for row in outcome.evaluations} == {named}
        for row in outcome.evaluations:
            assert row["auroc"] == pytest.approx(before[row["evaluation_key"]]["auroc"], abs=1e-4)


def test_only_missing_banks_are_extracted(plan: Plan, store: Store) -> None:
    call = classified(plan, "extract")
    outcome = did(call, store)
    assert outcome.verdict == "reused"
    assert {made.ref for made in outcome.made} == set(call.makes)

    lost = call.makes[1]
    before = store.manifest(lost)
    store.quarantine(lost)
    outcome = did(call, store)
    assert outcome.verdict == "done"
    assert {made.ref for made in outcome.made} == set(call.makes)
    after = store.manifest(lost)
    assert after.digest == before.digest
    assert after.origin.inputs == {call.needs[0].key: store.manifest(call.needs[0]).digest}


def test_banks_are_what_the_contract_says(plan: Plan, store: Store) -> None:
    for call in calls(plan, "extract"):
        for stage in call.stages:
            bank = load_bank(store.folder(stage.ref))
            assert bank.features.dtype == np.float32
            assert bank.labels.dtype == np.int64
            assert (bank.logits is not None) is ("classification" in call.label)


def test_numbers_that_are_there_are_read_not_made(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mood_sweeps.scorers.feature.knn import KNN

    def never(*_: Any) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(KNN, "fit", never)
    for call in calls(plan, "score"):
        outcome = did(call, store)
        assert outcome.verdict == "reused"
        assert len(outcome.evaluations) == call.units


def test_numbers_do_not_depend_on_what_was_there(plan: Plan, store: Store) -> None:
    def without_clock(outcome: Outcome) -> list[dict[str, Any]]:
        assert outcome.failures == ()
        clock = ("seconds", "created_at", "object_key")
        rows = [{n: v for n, v in row.items() if n not in clock} for row in outcome.evaluations]
        return sorted(rows, key=lambda row: row["evaluation_key"])

    call = classified(plan, "score")
    assert call.scoring is not None
    before = without_clock(did(call, store))
    (whole,) = store.refs(f"score/{call.scoring.group}")
    store.quarantine(whole)
    # One number alone, then all: the second call takes the first one's state from the store.
    some = dataclasses.replace(call.scoring, evaluations=call.scoring.evaluations[-1:])
    first = did(dataclasses.replace(call, scoring=some), store)
    assert (first.verdict, len(first.evaluations)) == ("done", 1)
    rest = did(call, store)
    assert (rest.verdict, len(rest.evaluations)) == ("done", call.units)
    assert without_clock(rest) == before
    assert len(list(store.refs(f"score/{call.scoring.group}"))) == 2


def test_corrupt_bytes_are_the_inputs_fault(plan: Plan, store: Store) -> None:
    call = classified(plan, "extract")
    for made in call.makes:
        store.quarantine(made)
    weights = store.folder(call.needs[0]) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-3] ^= 64
    weights.write_bytes(content)
    outcome = did(call, Store(store.root))
    assert outcome.verdict == "input corrupt"
    assert outcome.corrupt == call.needs[0]
    assert "changed after it was written" in outcome.error


def test_an_input_that_went_away_is_known_by_name(plan: Plan, store: Store) -> None:
    call = classified(plan, "extract")
    for ref in (*call.makes, call.needs[0]):
        store.quarantine(ref)
    outcome = did(call, store)
    assert (outcome.verdict, outcome.corrupt) == ("input corrupt", call.needs[0])


def test_who_lost_the_lease_publishes_nothing(plan: Plan, store: Store) -> None:
    call = classified(plan, "extract")
    for made in call.makes:
        store.quarantine(made)
    lease = store.leases.acquire(call.key)
    assert lease is not None
    store.leases.release(lease)
    outcome = run_call(call, store, lease, WorkerSettings(), ScorerRunner())
    assert outcome.verdict == "lease lost"
    assert not any(store.has(made) for made in call.makes)


def test_what_a_stage_raises_is_a_value(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any) -> None:
        raise FloatingPointError("the loss\nis inf")

    monkeypatch.setattr(trials, "train", diverge)
    store = Store(tmp_path / "store")
    call = classified(plan, "pretrain")
    outcome = did(call, store)
    assert outcome.verdict == "failed"
    assert outcome.error == "FloatingPointError: the loss is inf"
    assert "in diverge" in outcome.traceback
    assert not store.has(call.makes[0])


@pytest.mark.parametrize("cause", [None, KeyError("loss")])
def test_what_is_raised_on_purpose_shows_only_what_led_to_it(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception | None
) -> None:
    def diverge(*_: Any) -> None:
        raise StageFailed("the loss is nan at epoch 2, step 1") from cause

    monkeypatch.setattr(trials, "train", diverge)
    outcome = did(classified(plan, "pretrain"), Store(tmp_path / "store"))
    assert outcome.verdict == "failed"
    assert outcome.error == "StageFailed: the loss is nan at epoch 2, step 1"
    assert outcome.traceback == ("KeyError: 'loss'\n" if cause else "")


def test_a_stage_computes_with_one_thread_and_gives_them_back(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    seen = []

    def look(*_: Any) -> None:
        seen.append(torch.get_num_threads())
        seen.extend(library["num_threads"] for library in threadpool_info())
        raise RuntimeError("seen enough")

    monkeypatch.setattr(trials, "train", look)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        did(classified(plan, "pretrain"), Store(tmp_path / "store"))
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_inline_executor_performs_when_waited_for(plan: Plan, store: Store) -> None:
    executor = InlineExecutor(store, WorkerSettings(), InlineSettings())
    executor.check()
    executor.start()
    first, second = calls(plan, "extract")
    assert executor.first_startable([first, second]) is first
    lease = store.leases.acquire(first.key)
    assert lease is not None
    executor.submit(first, lease, None)
    assert executor.first_startable([second]) is None
    (outcome,) = executor.wait(0.0)
    assert (outcome.call_key, outcome.verdict) == (first.key, "reused")
    assert executor.wait(0.0) == []
    executor.submit(first, lease, None)
    executor.close()
    assert executor.wait(0.0) == []


def test_a_training_whose_lease_was_taken_over_stops_when_it_is_kept(
    plan: Plan, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    training = classified(plan, "pretrain")
    lease = store.leases.acquire(training.key)
    assert lease is not None
    store.leases.release(lease)
    other = store.leases.acquire(training.key)
    assert other is not None
    settings = WorkerSettings(keep_every_s=0.0)
    outcome = run_call(training, store, lease, settings, ScorerRunner())
    assert outcome.verdict == "lease lost"
    assert [path for path in (store.root / "unfinished").rglob("*") if path.is_file()] == []
    assert not any(map(store.has, training.makes))
    assert run_call(training, store, other, settings, ScorerRunner()).verdict == "done"
