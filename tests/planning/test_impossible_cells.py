from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.choice import choose
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.networks import choose_backbone
from mood_sweeps.planning.impossible_cells import pretext_refuses
from tests.support.planned_sweeps import plan_of

FAMILY = "{pretext} trains vit backbones only, {backbone} is a {family}"
SUBSET = "{pretext} feeds the backbone visible patches only, {backbone} needs all of them"


@pytest.mark.parametrize(
    ("pretext", "backbone", "reason"),
    [
        ("mae", "vit_nano", None),
        ("mae", "vit_base_patch16_224", None),
        ("mae", "deit_base_distilled_patch16_224", None),
        ("mae", "beit_base_patch16_224", SUBSET),
        ("mae", "eva02_base_patch14_224", SUBSET),
        ("mae", "vit_base_patch16_dinov3", SUBSET),
        ("mae", "vit_relpos_base_patch16_224", SUBSET),
        ("mae", "resnet_nano", FAMILY.replace("{family}", "cnn")),
        ("mae", "swin_tiny_patch4_window7_224", FAMILY.replace("{family}", "other")),
        ("simmim", "beit_base_patch16_224", None),
        ("simmim", "resnet18", FAMILY.replace("{family}", "cnn")),
        ("random", "beit_base_patch16_224", None),
    ],
)
def test_a_pretext_refuses_the_backbones_it_cannot_train(
    pretext: str, backbone: str, reason: str | None
) -> None:
    said = pretext_refuses(choose(pretext, PRETEXTS, "pretext"), choose_backbone(backbone))
    assert said == (reason and reason.format(pretext=pretext, backbone=backbone))


def test_a_plan_counts_what_a_pretext_refused(tmp_path: Path) -> None:
    text = """\
name: refused
axes: {pretext: [mae], backbone: [vit_nano, beit_base_patch16_224], finetune: [pt], scorer: [knn]}
pairs: [{id: id:ab, near: [ood:x]}]
"""
    plan = plan_of(text, tmp_path)
    assert [one.backbone for one in plan.representations] == ["vit_nano"]
    assert plan.removed[SUBSET.format(pretext="mae", backbone="beit_base_patch16_224")] == 1


def test_a_plan_counts_the_backbones_that_a_fine_tuning_stage_cannot_train(tmp_path: Path) -> None:
    text = """\
name: refused
axes:
  pretext: [random]
  backbone: [densenet121]
  finetune: [pt+ft, {pt+ft: {ft: {drop_path: 0.1}}}]
  scorer: [knn]
pairs: [{id: id:ab, near: [ood:x]}]
"""
    plan = plan_of(text, tmp_path)  # what a preset decides for ViTs is left out
    assert [one.finetune for one in plan.representations] == ["pt+ft"]
    assert plan.removed == {"drop_path: densenet121 cannot skip blocks": 1}
