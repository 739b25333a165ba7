from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.planning.check_tuning import needs_ray
from mood_sweeps.planning.fits import Fit
from tests.support.planned_sweeps import plan_of

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


def test_what_chance_decides_is_said_in_label_and_note(tmp_path: Path) -> None:
    asha = MIM.replace("samples: 2", "samples: 2, scheduler: asha")
    pretexts = f"{MIM}, {asha}, mim"
    text = SWEEP.format(corpus="id:ab", pretext=pretexts, finetune="pt", id_set="id:ab")
    plan = plan_of(text, tmp_path)
    notes = {}
    for cell in plan.cells:
        assert isinstance(cell.fit, Fit)
        notes[cell.representation.pretext.partition(":")[0]] = cell.fit.note
    assert notes == {
        "mim(tune=halving": "",
        "mim(tune=asha": "weights tuned by asha, which are no function of their key",
        "mim": "",
    }
    (why,) = needs_ray(plan.stages())
    assert why.startswith("mim(tune=asha:2:")
    assert "--executor ray" in why
