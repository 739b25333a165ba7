"""Keys are promises: what was computed under a key yesterday is found under it tomorrow.

``golden_keys.json`` pins the keys of a fixed sweep, and the defaults of every choice (a default is
left out of keys, so changing one silently changes what a key means).
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from mood_sweeps.methods.finetunes import FINETUNES
from mood_sweeps.methods.pretexts import PRETEXTS
from mood_sweeps.networks.backbones import BACKBONES
from mood_sweeps.planning.plan import Plan
from mood_sweeps.scorers import SCORERS
from mood_sweeps.stage_kinds import STAGE_KINDS
from tests.support.planned_sweeps import plan_of, read

FILE = Path(__file__).with_name("golden_keys.json")
REGENERATE = "python tests/test_golden_keys.py"

SWEEP = """\
name: golden
corpus: id:abc
axes:
  pretext: [{mim: {epochs: 3, mask_ratio: 0.25}}, classification, random]
  backbone: [vit_nano, {resnet_nano: {width: 8}}]
  finetune: [pt, {pt+ft: {ft: {epochs: 2}}}]
  scorer: [msp, {knn: {k: 7}}]
  seed: [0, 7]
pairs:
  - {id: id:abc, near: [ood:near], far: [ood:far]}
exclude:
  - {scorer: msp, ood: ood:far}
"""

REORDERED = """\
# The same questions, written by somebody else.
pairs:
  - {far: [ood:far], near: ['ood:near'], id: id:abc}
exclude: [{ood: ood:far, scorer: msp}]
axes:
  seed: [7, 0]
  scorer: [{knn: {k: 7}}, {msp: {}}]
  finetune:
    - pt+ft:
        ft: {epochs: 2}
    - pt
  backbone: [{resnet_nano: {width: 8, image_size: 8}}, vit_nano]
  pretext: [random, classification, {mim: {mask_ratio: 0.25, epochs: 3, target: pixels}}]
corpus: id:abc
name: another-name
"""


def keys_of(plan: Plan) -> dict[str, dict[str, str]]:
    """Return every key of a plan by what people call it."""
    return {
        "stages": {stage.label: stage.key for stage in plan.stages()},
        "cells": {cell.label: cell.cell_key for cell in plan.cells},
        "scores": {cell.label: cell.evaluation_key for cell in plan.cells},
    }


def meanings() -> dict[str, Any]:
    """Return the version and defaults of every choice, and the versions of stages."""
    catalogues = {
        "pretext": PRETEXTS,
        "backbone": BACKBONES,
        "finetune": FINETUNES,
        "scorer": SCORERS,
    }
    described = {
        f"{axis} {name}": {"version": kind.version, "defaults": _defaults(kind)}
        for axis, catalogue in catalogues.items()
        for name, kind in catalogue.items()
    }
    return {**described, "stages": {name: kind.version for name, kind in STAGE_KINDS.items()}}


def _defaults(kind: Any) -> dict[str, Any]:
    return {
        field.name: list(field.default) if isinstance(field.default, tuple) else field.default
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING
    }


def current(folder: Path) -> dict[str, Any]:
    return {"meanings": meanings(), "keys": keys_of(plan_of(SWEEP, folder))}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def test_no_choice_changed_its_meaning_under_an_old_version(golden: dict[str, Any]) -> None:
    now = meanings()
    silent = [
        name
        for name, was in golden["meanings"].items()
        if name in now
        and name != "stages"
        and now[name]["version"] == was["version"]
        # A new field may come, at a default that means what was so before.
        and not was["defaults"].items() <= now[name]["defaults"].items()
    ]
    assert not silent, (
        f"defaults changed without a version: {', '.join(silent)}. A default is left out of keys, "
        "so old results would be shown for new ones. Bump the version of each, then run: "
        + REGENERATE
    )


def test_the_keys_of_a_fixed_sweep_are_pinned(golden: dict[str, Any], tmp_path: Path) -> None:
    now = current(tmp_path)
    moved = [
        f"{kind} {label}"
        for kind, keys in golden["keys"].items()
        for label, key in keys.items()
        if now["keys"][kind].get(label) != key
    ]
    assert not moved, (
        f"{len(moved)} keys changed, such as {moved[0]!r}: everything computed under them would be "
        "computed again. That is right only if a version was bumped because the same inputs now "
        f"give other numbers; then run: {REGENERATE}"
    )
    assert now == golden, f"new choices or labels: if that was meant, run: {REGENERATE}"


def test_keys_do_not_depend_on_place_order_or_name(golden: dict[str, Any], tmp_path: Path) -> None:
    elsewhere = tmp_path / "another" / "place"
    elsewhere.mkdir(parents=True)
    keys = keys_of(plan_of(REORDERED, elsewhere))
    assert keys == golden["keys"]


@pytest.mark.parametrize(
    ("was", "now", "changed"),
    [
        ("epochs: 3", "epochs: 4", "mim"),
        ("mask_ratio: 0.25", "mask_ratio: 0.3", "mim"),
        ("classification,", "{classification: {batch_size: 64}},", "classification"),
        ("[vit_nano", "[{vit_nano: {depth: 2}}", "vit_nano"),
        ("width: 8", "width: 16", "resnet_nano"),
        ("epochs: 2", "epochs: 3", "pt+ft"),
        ("k: 7", "k: 8", "knn"),
        ("corpus: id:abc", "corpus: id:abd", "mim"),
        ("id: id:abc", "id: id:abd", "pt+ft"),
        ("[ood:near]", "[ood:other]", "ood:near"),
        ("seed: [0, 7]", "seed: [0, 8]", "seed 7"),
    ],
)
def test_what_changes_numbers_changes_keys(
    golden: dict[str, Any], tmp_path: Path, was: str, now: str, changed: str
) -> None:
    assert SWEEP.count(was) == 1
    keys = keys_of(plan_of(SWEEP.replace(was, now), tmp_path))
    for kind in ("cells", "scores"):
        touched = {key for label, key in golden["keys"][kind].items() if changed in label}
        assert touched
        assert not touched & set(keys[kind].values())


@pytest.mark.parametrize(
    "pretext", ["{mim: {epochs: 3, mask_ratio: 0.25}}", "classification", "random"]
)
def test_a_choice_keeps_its_keys_whatever_stands_beside_it(
    golden: dict[str, Any], tmp_path: Path, pretext: str
) -> None:
    axis = "[{mim: {epochs: 3, mask_ratio: 0.25}}, classification, random]"
    assert SWEEP.count(axis) == 1
    cells = keys_of(plan_of(SWEEP.replace(axis, f"[mocov3, {pretext}]"), tmp_path))["cells"]
    kept = golden["keys"]["cells"].items() & cells.items()
    assert len(kept) == len([label for label in cells if not label.startswith("mocov3")]) > 0


def test_the_sweeps_own_content_ignores_name_order_and_comments(tmp_path: Path) -> None:
    assert read(SWEEP, tmp_path).content == read(REORDERED, tmp_path).content


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made_for_this:
        text = json.dumps(current(Path(made_for_this)), indent=1, sort_keys=True)
    FILE.write_text(text + "\n")
    sys.stdout.write(f"wrote {FILE}\n")
