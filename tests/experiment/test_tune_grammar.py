from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.planning.plan import Plan
from mood_sweeps.tuning import Tuned
from tests.support.planned_sweeps import plan_of, read

SWEEP = """\
name: tuned
corpus: id:abc
axes:
  pretext:
    - {pretext}
  backbone: [vit_nano]
  finetune:
    - {finetune}
  scorer: [knn]
  seed: [0]
pairs: [{{id: id:abc, near: [ood:x]}}]
"""
FT = """pt+ft:
        ft:
          epochs: 12
          tune:
            space:
              learning_rate: {loguniform: [1e-4, 1e-1]}
              label_smoothing: [0.0, 0.1, 0.2]
            samples: 6
            reduction: 2
            grace: 2"""


def written(finetune: str = "pt", pretext: str = "mim") -> str:
    return SWEEP.format(finetune=finetune, pretext=pretext)


def problems(folder: Path, finetune: str = "pt", pretext: str = "mim") -> list[str]:
    with pytest.raises(InputError) as caught:
        read(written(finetune, pretext), folder)
    return [str(problem).removeprefix(f"{folder}/sweep.yaml:") for problem in caught.value.problems]


def tuned_key(plan: Plan) -> str:
    (stage,) = (stage for stage in plan.stages() if stage.tuned is not None)
    return stage.key


def test_a_block_makes_a_tuned_stage(tmp_path: Path) -> None:
    plan = plan_of(written(FT), tmp_path)
    (stage,) = (stage for stage in plan.stages() if stage.tuned is not None)
    tuned = stage.tuned
    assert isinstance(tuned, Tuned)
    assert tuned.label.startswith("ft(epochs=12, tune=halving:6:")
    assert tuned.rungs == (2, 4, 8, 12)
    assert plan.representations[0].finetune == f"pt+{tuned.label}"
    assert len(stage.trials()) == 6
    for trial in stage.trials():
        choice = trial.choices()["stage"]
        assert choice["parameters"]["epochs"] == 12
        assert 1e-4 <= choice["parameters"]["learning_rate"] <= 1e-1
    assert stage.choices()["stage"]["parameters"]["tune"]["samples"] == 6


def test_a_pretext_task_is_tuned_the_same_way(tmp_path: Path) -> None:
    pretext = "{mim: {tune: {space: {mask_ratio: [0.2, 0.4, 0.6]}, samples: 3}}}"
    plan = plan_of(written(pretext=pretext), tmp_path)
    (stage,) = (stage for stage in plan.stages() if stage.tuned is not None)
    assert stage.kind == "pretrain"
    ratios = {trial.choices()["pretext"]["parameters"]["mask_ratio"] for trial in stage.trials()}
    assert ratios == {0.2, 0.4, 0.6}


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("samples: 6", "samples: 7"),
        ("grace: 2", "grace: 1"),
        ("reduction: 2", "reduction: 3"),
        ("reduction: 2", "reduction: 2\n            scheduler: asha"),
        ("1e-4", "1e-3"),
        ("0.2]", "0.3]"),
        ("[0.0, 0.1, 0.2]", "[0.1, 0.0, 0.2]"),
        ("epochs: 12", "epochs: 13"),
    ],
)
def test_every_setting_of_the_block_is_in_the_key(tmp_path: Path, was: str, now: str) -> None:
    assert FT.count(was) == 1
    before = tuned_key(plan_of(written(FT), tmp_path))
    assert tuned_key(plan_of(written(FT.replace(was, now)), tmp_path)) != before


def test_the_spelling_of_the_block_is_not_in_the_key(tmp_path: Path) -> None:
    again = """{pt+ft: {ft: {tune: {scheduler: halving, grace: 2, reduction: 2, samples: 6, space: {
        label_smoothing: [0.0, 0.1, 0.2], learning_rate: {loguniform: [0.0001, 0.1]}}},
        epochs: 12}}}"""
    keys = {tuned_key(plan_of(written(text), tmp_path)) for text in (FT, again)}
    assert len(keys) == 1


def test_stages_without_a_block_keep_their_keys(tmp_path: Path) -> None:
    plain = {stage.key for stage in plan_of(written("pt"), tmp_path).stages()}
    tuned = {stage.key for stage in plan_of(written(FT), tmp_path).stages()}
    assert len(plain & tuned) == 1  # the pretext task's


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    block = """pt+ft:
        ft:
          warmup: 2.0
          tune:
            space:
              learning_rat: [1e-3, 1e-2]
              label_smoothing: [0.0, 1.5]
              batch_size: {uniform: [16, 32]}
              beta2: {loguni: [0.9, 0.99]}
              clip: {loguniform: [0, 1]}
              weight_decay: 0.1
              epochs: [10, 20]
              ema: [0.9]
            sample: 4
            scheduler: hyperband"""
    found = problems(tmp_path, block)
    # Problems of a block as a whole and of its parts are reported at once.
    expected = {
        10: "parameter 'warmup': input should be less than 1",
        13: "no parameter 'learning_rat'; did you mean 'learning_rate'?",
        14: "parameter 'label_smoothing': input should be less than 1 (given: 1.5)",
        15: "parameter 'batch_size': input should be a valid integer (given: 16.0)",
        16: "unknown range 'loguni'; did you mean 'loguniform'?",
        17: "loguniform starts above 0, not [0, 1]",
        18: "0.1 is neither a list of values nor one of {loguniform: [low, high]}",
        19: "'epochs' is not tuned: the budget is the same for all settings",
        20: "list two or more different values",
        21: "has no parameter 'sample'; did you mean 'samples'?",
        22: "parameter 'scheduler': input should be 'halving' or 'asha'",
    }
    for line, message in expected.items():
        assert any(one.startswith(f"{line}: ") and message in one for one in found), (line, found)
    assert {int(one.partition(":")[0]) for one in found} == set(expected)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            "{probe: {tune: {space: {c: [0.1, 1.0]}, samples: 2, grace: 3}}}",
            "'grace' is about epochs",
        ),
        (
            "{probe: {tune: {space: {c: [0.1, 1.0]}, samples: 3}}}",
            "the space has 2 settings, fewer",
        ),
        ("{probe: {tune: {samples: 3}}}", "needs a space of parameters to try"),
        ("{probe: {tune: 3}}", "must be a mapping"),
        (
            "{probe: {c: 1.0, tune: {space: {c: [0.1, 1.0]}, samples: 2}}}",
            "is given a value beside",
        ),
    ],
)
def test_a_useless_block_is_refused(tmp_path: Path, block: str, message: str) -> None:
    (found,) = problems(tmp_path, f"{{pt+probe: {block}}}")
    assert message in found


@pytest.mark.parametrize(
    ("pretext", "message"),
    [
        ("{random: {tune: {space: {x: [1, 2]}}}}", "nothing is trained here that could be tuned"),
        (
            "{beit: {tune: {space: {source: [a, b]}}}}",
            "nothing is trained here that could be tuned",
        ),
        ("{mim: {tune: {space: {tokenizer: [a, b]}, samples: 2}}}", "it says where data is"),
    ],
)
def test_what_is_not_trained_cannot_be_tuned(tmp_path: Path, pretext: str, message: str) -> None:
    (found,) = problems(tmp_path, pretext=pretext)
    assert message in found
