from __future__ import annotations

import json
from pathlib import Path

import pytest

from mood_sweeps.errors import CorruptObject
from mood_sweeps.identity import key_of
from mood_sweeps.store import Origin, Ref
from mood_sweeps.tracking.training_lineage import MAX_POINTS, training_stages
from tests.support.mirrored_world import World


def test_chain_runs_from_pretraining_to_the_checkpoint(world: World) -> None:
    key = world.checkpoint()
    pretrain, finetune = training_stages(world.store, key)
    assert (pretrain.name, finetune.name) == ("pretrain", "finetune")
    assert finetune.manifest.key == key
    assert {point.name for point in finetune.points(0)} == {"finetune/loss", "finetune/accuracy"}
    assert pretrain.parameters()["pretrain.pretext.epochs"] == "5"


def test_parameters_left_at_their_default_are_shown_too(world: World) -> None:
    content = {"kind": "pretrain", "pretext": {"name": "mim", "version": 1}, "seed": 3}
    choices = {"pretext": {"name": "mim", "parameters": {"epochs": 60, "mask_ratio": 0.4}}}
    ref = Ref("pretrain", key_of(content))
    world.store.publish(ref, _nothing, Origin(content, {}, {}, choices), None, seconds=1.0)
    (stage,) = training_stages(world.store, ref.key)
    assert stage.parameters() == {
        "pretrain.pretext": "mim",
        "pretrain.pretext.epochs": "60",
        "pretrain.pretext.mask_ratio": "0.4",
        "pretrain.seed": "3",
    }


def test_two_stages_of_a_kind_are_numbered(world: World) -> None:
    content = {"checkpoint": world.checkpoint()}
    world.store.publish(
        Ref("finetune", key_of(content)), _nothing, Origin(content, {}, {}), None, seconds=1.0
    )
    names = [stage.name for stage in training_stages(world.store, key_of(content))]
    assert names == ["pretrain", "finetune-1", "finetune-2"]


def test_chain_ends_where_an_object_is_gone(world: World) -> None:
    key = world.checkpoint()
    upstream = world.store.manifest(Ref("finetune", key)).origin.content["checkpoint"]
    world.store.quarantine(Ref("pretrain", upstream))
    assert [stage.name for stage in training_stages(world.store, key)] == ["finetune"]
    assert training_stages(world.store, "0" * 64) == []


def test_changed_bytes_are_not_shown(world: World) -> None:
    key = world.checkpoint()
    path = world.store.folder(Ref("finetune", key)) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptObject):
        training_stages(world.store, key)


def test_long_curve_is_thinned_and_keeps_its_end(world: World) -> None:
    key = world.checkpoint(epochs=2500)
    curve = [p for p in training_stages(world.store, key)[0].points(0) if p.name == "pretrain/loss"]
    assert len(curve) <= MAX_POINTS
    assert curve[-1].step == 2499
    assert [point.step for point in curve] == sorted(point.step for point in curve)


def test_only_finite_numbers_are_points(world: World) -> None:
    entries = [
        {"epoch": 0, "loss": 1.0, "best": True, "note": "warm-up"},
        {"epoch": 1, "loss": float("nan"), "lr": 1},
    ]
    content = {"pretext": "x"}
    world.store.publish(
        Ref("pretrain", key_of(content)),
        lambda folder: _write(folder / "curves.json", json.dumps(entries)),
        Origin(content, {}, {}),
        None,
        seconds=1.0,
    )
    (stage,) = training_stages(world.store, key_of(content))
    found = [(point.name, point.step, point.value) for point in stage.points(0)]
    assert found == [("pretrain/loss", 0, 1.0), ("pretrain/lr", 1, 1)]
    assert [point.time_ms for point in stage.points(1000)] == [1000, 1001]


def test_what_was_measured_meanwhile_is_one_point_each(world: World) -> None:
    content = {"pretext": "fast"}
    world.store.publish(
        Ref("pretrain", key_of(content)),
        lambda folder: _write(folder / "curves.json", "[]"),
        Origin(content, {}, {}),
        None,
        seconds=1.0,
        measured={"images_per_second": 120.5, "peak_memory_mb": 900.0},
    )
    (stage,) = training_stages(world.store, key_of(content))
    found = [(point.name, point.step, point.value, point.time_ms) for point in stage.points(7)]
    assert found == [
        ("pretrain/images_per_second", 0, 120.5, 7),
        ("pretrain/peak_memory_mb", 0, 900.0, 7),
    ]


def _nothing(folder: Path) -> None:
    _write(folder / "checkpoint.json", "{}")


def _write(path: Path, text: str) -> None:
    path.write_text(text)
