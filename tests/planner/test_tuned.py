from __future__ import annotations

from pathlib import Path

import pytest
from spine_cases import plan_of

from mood_sweeps.errors import InputError

SWEEP = """\
name: tuned
corpus: {corpus}
axes:
  pretext: [{pretext}]
  backbone: [vit_nano]
  finetune: [{finetune}]
  scorer: [knn]
  seed: [0, 1]
pairs: [{{id: {id_set}, near: [ood:x]}}]
"""
MIM = "{mim: {tune: {space: {mask_ratio: [0.2, 0.4]}, samples: 2}}}"


def refusal(
    folder: Path,
    *,
    corpus: str = "id:ab",
    pretext: str = "mim",
    finetune: str = "pt",
    id_set: str = "id:ab",
) -> str:
    text = SWEEP.format(corpus=corpus, pretext=pretext, finetune=finetune, id_set=id_set)
    with pytest.raises(InputError) as caught:
        plan_of(text, folder)
    (problem,) = caught.value.problems
    assert problem.where == str(folder / "sweep.yaml")
    return problem.message


def test_one_class_has_no_accuracy_to_tune_by(tmp_path: Path) -> None:
    said = "is tuned by its accuracy on id:a/val, which needs that split and two classes or more"
    assert said in refusal(tmp_path, corpus="id:a", pretext=MIM)
    one_class = "{pt+ft: {ft: {tune: {space: {warmup: [0.1, 0.2]}, samples: 2}}}}"
    assert said in refusal(tmp_path, id_set="id:a", finetune=one_class)


def test_a_first_rung_beyond_the_end(tmp_path: Path) -> None:
    late = "{mim: {epochs: 3, tune: {space: {mask_ratio: [0.2, 0.4]}, samples: 2, grace: 4}}}"
    assert "grace (4) is more than the stage's epochs (3)" in refusal(tmp_path, pretext=late)


def test_values_that_do_not_go_together(tmp_path: Path) -> None:
    space = "{batch_size: [30, 32], accumulate: [1, 4]}"
    clash = f"{{mim: {{tune: {{space: {space}, samples: 4}}}}}}"
    assert "batch_size (30) must be a multiple of accumulate (4)" in refusal(
        tmp_path, pretext=clash
    )


def test_a_tokenizer_is_another_stage(tmp_path: Path) -> None:
    tokens = "{mim: {tune: {space: {target: [pixels, tokens]}, samples: 2}}}"
    assert "tunes what its tokenizer is made of" in refusal(tmp_path, pretext=tokens)
