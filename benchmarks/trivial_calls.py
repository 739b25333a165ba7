"""Calls that do next to nothing through the real `run_call`, and a store with what they read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.data.catalogue import image_set
from mood_sweeps.experiment import load_sweep
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.missing_calls import calls_for
from mood_sweeps.planning.plan import Plan
from mood_sweeps.store import Origin, Store
from mood_sweeps.store.codecs import save_bank, save_head

__all__ = ["prepared", "repeated"]

SWEEP = """\
name: engine
corpus: digits:0-5
axes: {pretext: [classification], backbone: [vit_nano], finetune: [pt], scorer: [msp], seed: [0]}
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""


def prepared(folder: Path, count: int) -> tuple[Plan, list[Call], Store]:
    """Return a plan of ``count`` cells, its scoring calls, and a store with their shared inputs."""
    (folder / "sweep.yaml").write_text(SWEEP)
    sweep = load_sweep(folder / "sweep.yaml", [f"axes.seed={list(range(count))}"])
    plan = expand(sweep, image_set)
    calls = calls_for(plan, plan.cells, lambda _: True, image_set)
    first = calls[0].scoring
    assert first is not None
    store = Store(folder / "store")
    store.prepare()
    random = np.random.default_rng(0)
    bank = FeatureBank(
        random.normal(size=(24, 8)).astype(np.float32),
        np.arange(24) % 4,
        random.normal(size=(24, 6)).astype(np.float32),
    )
    head = Head(np.zeros((6, 8), np.float32), np.zeros(6, np.float32))
    origin = Origin({}, {}, {"class": "cpu"})
    for ref in (first.train_bank, first.id_bank, first.evaluations[0].ood_bank):
        store.publish(ref, lambda place: save_bank(bank, place), origin, None, 0.0)
    store.publish(first.checkpoint, lambda place: save_head(head, place), origin, None, 0.0)
    shared = []
    for call in calls:
        assert call.scoring is not None
        same = first.evaluations[0]
        mine = dataclasses.replace(
            call.scoring.evaluations[0], fit=same.fit, ood_bank=same.ood_bank
        )
        scoring = dataclasses.replace(first, group=call.scoring.group, evaluations=(mine,))
        shared.append(dataclasses.replace(call, scoring=scoring))
    return plan, shared, store


def repeated(calls: Sequence[Call], count: int) -> list[Call]:
    """Return at least ``count`` calls, the same ones under other names."""
    return [
        dataclasses.replace(call, key=f"{call.key}-{again}")
        for again in range(-(-count // len(calls)))
        for call in calls
    ]
