from __future__ import annotations

import dataclasses

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.methods import choose_finetune, choose_finetunes
from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass
from mood_sweeps.methods.finetunes.probe.declaration import Probe


def test_chains() -> None:
    assert choose_finetune("pt") == ()
    (stage,) = choose_finetune("pt+ft")
    assert (stage.name, stage.parameters) == ("ft", MultiClass())
    (stage,) = choose_finetune({"pt+ft": {"ft": {"epochs": 10}}})
    assert stage.label == "ft(epochs=10)"
    assert choose_finetune({"pt+ft": None}) == choose_finetune("pt+ft")
    first, second = choose_finetune({"pt+ft+probe": {"probe": {"c": 0.1}}})
    assert (first.parameters, second.parameters) == (MultiClass(), Probe(c=0.1))
    assert second.label == "probe(c=0.1)"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("ft", "must start with 'pt'"),
        ("", "must start with 'pt'"),
        ("pt+fft", "unknown stage 'fft'; did you mean 'ft'"),
        ("pt+", "unknown stage ''"),
        ("pt+ft+ft", "a stage twice"),
        ("pt+prob", "did you mean 'probe'"),
        ({"pt+probe": {"probe": {"c": 0.0}}}, "greater than 0"),
        ({"pt+probe": {"probe": {"epochs": 3}}}, "no parameter 'epochs'"),
        ({"pt": {"ft": {"epochs": 3}}}, "not a stage of the chain"),
        ({"pt+ft": {"ft": {"epoch": 3}}}, "did you mean 'epochs'"),
        ({"pt+ft": {"ft": {"layer_decay": 0.0}}}, "greater than 0"),
        ({"pt+ft": {"ft": {"ema": 1.0}}}, "less than 1"),
        ({"pt+ft": {"ft": {"preset": "biet"}}}, "'beit'"),
        ({"pt+ft:one_class": {"ft:one_class": {"mixup": 0.8}}}, "no parameter 'mixup'"),
        ({"pt+ft:ssod": {"ft:ssod": {"cutmix": 1.0}}}, "no parameter 'cutmix'"),
        ({"pt+ft:ssod": {"ft:ssod": {"erase": 0.25}}}, "no parameter 'erase'"),
        ({"pt+ft": 3}, "neither a chain"),
        (7, "neither a chain"),
    ],
)
def test_bad_chains_are_refused(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_finetune(raw)


def with_preset(stage: str, *, is_nano: bool, **parameters: object) -> dict[str, object]:
    (choice,) = choose_finetune({f"pt+{stage}": {stage: parameters}})
    return dataclasses.asdict(choice.parameters.with_preset(choice.given, is_nano=is_nano))


def test_nano_is_plain_and_paper_is_moodv1s() -> None:
    nano = with_preset("ft", is_nano=True)
    assert nano == dataclasses.asdict(MultiClass())
    assert (nano["layer_decay"], nano["drop_path"], nano["ema"]) == (1.0, 0.0, 0.0)
    assert (nano["rand_augment"], nano["erase"]) == (0.0, 0.0)
    assert (nano["mixup"], nano["cutmix"]) == (0.0, 0.0)
    moodv1 = {
        "epochs": 100,
        "batch_size": 128,
        "learning_rate": 2e-5,
        "layer_decay": 0.9,
        "drop_path": 0.4,
        "label_smoothing": 0.1,
        "rand_augment": 9.0,
        "rand_augment_ops": 2,
        "rand_augment_spread": 0.5,
        "erase": 0.25,
    }
    for stage in ("ft", "inter", "ft:one_class"):
        paper = with_preset(stage, is_nano=False)
        assert moodv1.items() <= paper.items()
        assert not paper.get("mixup")
        assert not paper.get("cutmix")
    exposing = with_preset("ft:outlier_exposure", is_nano=False, exposed="digits:6-9", k=1)
    assert moodv1.items() <= exposing.items()
    assert with_preset("ft:ssod", is_nano=False)["layer_decay"] == 0.9


def test_layer_decay_and_drop_path_of_a_preset_are_for_vits() -> None:
    (choice,) = choose_finetune({"pt+ft": {"ft": {"drop_path": 0.2}}})
    cnn = choice.parameters.with_preset(choice.given, is_nano=False, family="cnn")
    assert (cnn.layer_decay, cnn.drop_path, cnn.erase) == (1.0, 0.2, 0.25)


def test_beits_recipe_is_there_by_name_and_what_is_written_down_stays() -> None:
    beit = with_preset("ft", is_nano=True, preset="beit", mixup=0.2)
    assert (beit["mixup"], beit["cutmix"]) == (0.2, 1.0)
    assert (beit["layer_decay"], beit["drop_path"]) == (0.65, 0.1)
    assert (beit["learning_rate"], beit["batch_size"], beit["weight_decay"]) == (4e-3, 1024, 0.05)


def test_a_grid_over_a_stage_is_one_chain_each():
    chains = choose_finetunes({"pt+ft": {"ft": {"epochs": [1, 2]}}})
    assert [stages[0].label for stages in chains] == ["ft(epochs=1)", "ft(epochs=2)"]
    with pytest.raises(InputError, match="grid of 2"):
        choose_finetune({"pt+ft": {"ft": {"epochs": [1, 2]}}})
    with pytest.raises(InputError) as caught:
        choose_finetunes({"pt+ft": {"ft": {"epochs": [1, 0]}}})
    assert caught.value.problems[0].inside == ("pt+ft", "ft", "epochs", 1)
