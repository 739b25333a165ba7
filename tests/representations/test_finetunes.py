from __future__ import annotations

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.representations import choose_finetune, choose_finetunes
from mood_sweeps.representations.finetunes.multi_class import MultiClass
from mood_sweeps.representations.finetunes.probe import Probe


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
        ({"pt+ft": 3}, "neither a chain"),
        (7, "neither a chain"),
    ],
)
def test_bad_chains_are_refused(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_finetune(raw)


def test_a_grid_over_a_stage_is_one_chain_each():
    chains = choose_finetunes({"pt+ft": {"ft": {"epochs": [1, 2]}}})
    assert [stages[0].label for stages in chains] == ["ft(epochs=1)", "ft(epochs=2)"]
    with pytest.raises(InputError, match="grid of 2"):
        choose_finetune({"pt+ft": {"ft": {"epochs": [1, 2]}}})
    with pytest.raises(InputError) as caught:
        choose_finetunes({"pt+ft": {"ft": {"epochs": [1, 0]}}})
    assert caught.value.problems[0].inside == ("pt+ft", "ft", "epochs", 1)
