from __future__ import annotations

import subprocess
import sys

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.networks.backbones import (
    BACKBONES,
    TimmCnn,
    TimmOther,
    TimmVit,
    choose_backbone,
    timm_names,
)


@pytest.mark.parametrize(("name", "family"), [("vit_nano", "vit"), ("resnet_nano", "cnn")])
def test_nano_backbones(name: str, family: str) -> None:
    choice = choose_backbone(name)
    assert isinstance(choice.parameters, BACKBONES[name])
    assert choice.parameters.family == family
    assert choice.content == {"name": name, "version": 1}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vit_base_patch16_224", TimmVit),
        ("beit_base_patch16_224", TimmVit),
        ("resnet50", TimmCnn),
        ("convnext_tiny", TimmCnn),
        ("swin_tiny_patch4_window7_224", TimmOther),
        ("mixer_b16_224", TimmOther),
    ],
)
def test_timm_names_and_their_families(name: str, kind: type) -> None:
    assert isinstance(choose_backbone(name).parameters, kind)


def test_timm_backbones_take_parameters() -> None:
    choice = choose_backbone({"resnet18": {"image_size": 32, "channels": 1}})
    assert choice.label == "resnet18(channels=1, image_size=32)"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("resnet_nanno", "did you mean 'resnet_nano'"),
        ("vit_bas_patch16_224", "did you mean 'vit_base_patch16_224'"),
        ({"vit_nano": {"widht": 32}}, "did you mean 'width'"),
        ({"vit_nano": {"width": 50, "heads": 2}}, "multiple of 4"),
        ({"vit_nano": {"patch_size": 3}}, "multiple of patch_size"),
        ({"resnet_nano": {"width": 0}}, "greater than 0"),
        ({"resnet18": {"channels": 2}}, "channels"),
        (["vit_nano"], "neither a name"),
    ],
)
def test_bad_values_are_refused(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_backbone(raw)


def test_an_unknown_name_is_not_answered_with_a_thousand_names() -> None:
    with pytest.raises(InputError) as caught:
        choose_backbone("no_such_thing_at_all")
    assert "vit_nano" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_shipped_list_is_what_the_installed_timm_gives() -> None:
    from importlib.resources import files

    from mood_sweeps.networks.timm_networks import timm_listing

    shipped = files("mood_sweeps.networks").joinpath("timm_names.txt").read_text("ascii")
    assert shipped == timm_listing()
    assert len(timm_names()) > 1000


def test_choosing_imports_neither_torch_nor_timm() -> None:
    code = (
        "import sys; from mood_sweeps.networks import *; from mood_sweeps.methods import *;"
        "choose_backbone('vit_nano'); choose_backbone('resnet50'); choose_finetune('pt+ft');"
        "print([m for m in ('torch', 'timm', 'pandas', 'scipy') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
