from __future__ import annotations

import pytest

from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.methods import PRETEXTS


def test_what_each_pretext_declares() -> None:
    declared = {
        name: (kind.uses_corpus, kind.makes_head, "cnn" in kind.families)
        for name, kind in PRETEXTS.items()
    }
    assert declared == {
        "mim": (True, False, False),
        "mae": (True, False, False),
        "simmim": (True, False, False),
        "mocov3": (True, False, True),
        "dino": (True, False, True),
        "dinov2": (True, False, False),
        "classification": (True, True, True),
        "random": (False, False, True),
    }
    assert all("vit" in kind.families and kind.uses_seed for kind in PRETEXTS.values())


def test_defaults_stay_out_of_the_content() -> None:
    spelled = choose({"mim": {"target": "pixels", "mask_ratio": 0.4}}, PRETEXTS, "pretext")
    assert spelled.content == choose("mim", PRETEXTS, "pretext").content
    changed = choose({"mim": {"epochs": 3}}, PRETEXTS, "pretext")
    assert changed.content["parameters"] == {"epochs": 3}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("mimm", "did you mean 'mim'"),
        ({"mim": {"mask_ratio": 1.0}}, "less than 1"),
        ({"mim": {"target": "words"}}, "'pixels'"),
        ({"mocov3": {"temperature": 0.0}}, "greater than 0"),
        ({"mocov3": {"learning_rate": -0.1}}, "greater than 0"),
        ({"classification": {"epochs": "ten"}}, "valid integer"),
        ({"random": {"epochs": 3}}, "has no parameter 'epochs'"),
    ],
)
def test_bad_values_are_refused(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(raw, PRETEXTS, "pretext")
