"""What several workers may share, known from the plan."""

from __future__ import annotations

from pathlib import Path

from tests.support.planned_sweeps import plan_of

SWEEP = """\
name: shared
corpus: id:ab
axes:
  pretext: [{mim: {accumulate: 4, target: tokens}}, random]
  backbone: [vit_nano]
  finetune:
    - {pt+ft: {ft: {accumulate: 2}}}
    - pt+probe
    - pt+ft: {ft: {accumulate: 8, tune: {space: {learning_rate: [1e-3, 1e-2]}, samples: 2}}}
  scorer: [knn]
  seed: [0]
pairs: [{id: id:ab, near: [ood:x]}]
"""


def test_trainings_have_the_micro_batches_of_their_recipe_and_other_stages_one(
    tmp_path: Path,
) -> None:
    found = {(stage.kind, stage.n_micro_batches) for stage in plan_of(SWEEP, tmp_path).stages()}
    assert found == {
        ("tokenizer", 1),
        ("pretrain", 4),
        ("pretrain", 1),
        ("finetune", 2),
        ("finetune", 1),  # a probe; and a stage that is tuned trains its trials one by one
        ("extract", 1),
    }
