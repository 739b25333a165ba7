"""Chains that start alike are trained once up to where they part, in the shipped experiment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mood_sweeps.data import image_set
from mood_sweeps.experiment import load_sweep
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.plan import Plan

FILE = Path(__file__).parents[2] / "experiments" / "finetuning_stages.yaml"
PRETEXTS = ["classification", "mae", "mim", "mocov3"]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return expand(load_sweep(FILE), image_set)


def test_each_stage_of_each_pretext_and_seed_is_there_once(plan: Plan) -> None:
    seeds = plan.sweep.seeds
    trained = [stage for stage in plan.stages() if stage.kind in ("pretrain", "finetune")]
    assert len({stage.key for stage in trained}) == len(trained)
    counted = Counter(
        (stage.content.get("pretext", stage.content.get("stage"))["name"], stage.content["seed"])
        for stage in trained
    )
    assert counted == {
        # pt serves all four chains, inter two; ft starts once from either.
        **{(pretext, seed): 1 for pretext in PRETEXTS for seed in seeds},
        **{("inter", seed): len(PRETEXTS) for seed in seeds},
        **{("ft", seed): 2 * len(PRETEXTS) for seed in seeds},
    }


def test_ft_starts_from_pt_or_from_inter_and_inter_from_pt(plan: Plan) -> None:
    by_ref = {stage.ref: stage for stage in plan.stages()}

    def name_of(stage: object) -> str:
        content = stage.content  # type: ignore[attr-defined]
        return str(content["stage"]["name"]) if "stage" in content else "pt"

    starts = Counter(
        (name_of(by_ref[stage.inputs[0]]), name_of(stage), stage.work.id_set.name)
        for stage in plan.stages()
        if stage.kind == "finetune"
    )
    each = len(PRETEXTS) * len(plan.sweep.seeds)
    assert starts == {
        ("pt", "inter", "strokes"): each,
        ("pt", "ft", "digits:0-5"): each,
        ("inter", "ft", "digits:0-5"): each,
    }
