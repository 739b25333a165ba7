from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import get_pretrained_cfg

from mood_sweeps.data import image_set
from mood_sweeps.data.pipeline.input_transforms import to_input
from mood_sweeps.identity import canonical
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.published.catalogue import find_weights, published
from mood_sweeps.networks.timm_networks import build, describe_loaded, hub_name, pooling_of

ROWS = [one for backbones in published().values() for group in backbones.values() for one in group]
PRETEXTS = (
    "beit beitv2 beit3 eva02 fcmae mae dino dinov2 dinov3 ijepa augreg bit mixer clip siglip "
    "classification"
)


def test_every_row_names_weights_that_timm_has() -> None:
    tags = set(timm.list_pretrained())
    assert [one.tag for one in ROWS if one.tag not in tags] == []
    elsewhere = [one.pretext for one in ROWS if hub_name(one.tag) is None]
    assert set(elsewhere) == {"ijepa"}


def test_no_row_is_there_twice() -> None:
    often = Counter((one.pretext, one.backbone, one.source, one.stages) for one in ROWS)
    assert max(often.values()) == 1
    assert PRETEXTS.split() == list(published())


def test_the_classes_of_a_classifier_are_those_timm_says() -> None:
    for one in ROWS:
        outputs = get_pretrained_cfg(one.tag).num_classes
        assert (one.classes == "imagenet-1k") == (outputs == 1000), one.tag


def test_stages_are_what_the_tags_say() -> None:
    for one in ROWS:
        assert one.stages in ((), ("inter",), ("ft",), ("inter", "ft"))
        assert ("ft" in one.stages) == one.tag.endswith(("_ft_in1k", "k_in1k", "_in1k_384")), (
            one.tag
        )
        assert ("inter" in one.stages) == any(
            text in one.tag.partition(".")[2]
            for text in ("ft_in22k", "ft_in12k", "in22k_ft_in1k" if one.pretext == "beit3" else "-")
        ), one.tag


def test_every_row_builds_its_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    # Weights without values; clamping these takes most of the time all the same.
    monkeypatch.setattr(torch.Tensor, "clamp_", lambda tensor, **_limits: tensor)
    for one in {one.backbone: one for one in ROWS}.values():
        with torch.device("meta"):
            network = build(describe_loaded(choose_backbone(one.backbone), one.tag))
        assert pooling_of(network) in ("avg", "token", "map", "the architecture's own"), one.tag


def test_every_transform_is_the_one_timm_evaluates_with() -> None:
    photos = image_set("photos").open("all")
    one_image = photos.take(np.array([7]))
    one_image = dataclasses.replace(one_image, images=one_image.images[:, :, :30])
    pixels = Image.fromarray(one_image.images[0])
    seen: set[str] = set()
    for one in ROWS:
        form = describe_loaded(choose_backbone(one.backbone), one.tag)["input"]
        if canonical(form) in seen:
            continue
        seen.add(canonical(form))
        own = get_pretrained_cfg(one.tag)
        settings = resolve_data_config(pretrained_cfg=own.to_dict())
        theirs = create_transform(**settings, is_training=False)(pixels)
        ours = to_input(one_image.images, form)[0]
        assert ours.shape == theirs.shape == (3, own.input_size[-1], own.input_size[-1])
        assert torch.equal(ours, theirs), one.tag


def test_the_longest_prefix_of_a_chain_is_taken() -> None:
    def found(*stages: str, pretext: str = "eva02", id_set: str = "digits:0-5") -> str:
        weights = find_weights(pretext, "eva02_base_patch14_448", stages, id_set)
        return weights if isinstance(weights, str) else weights.tag.partition(".")[2]

    assert found("inter") == "mim_in22k_ft_in22k"
    assert found("inter", "ft") == "mim_in22k_ft_in22k"  # ft to other classes than the ID set's
    assert found("inter", "ft", id_set="imagenet-1k") == "mim_in22k_ft_in22k_in1k"
    assert found("ft", id_set="imagenet-1k") == "mim_in22k_ft_in1k"
    assert found("ft") == (
        "no published eva02 weights for eva02_base_patch14_448 that pt+ft can start from; there "
        "are: pt+inter, pt+ft (of imagenet-1k), pt+inter+ft (of imagenet-1k)"
    )
    assert found(pretext="mae") == (
        "no published mae weights for eva02_base_patch14_448; there are: hiera_base_224, "
        "hiera_base_plus_224, hiera_huge_224, hiera_large_224, hiera_small_224, hiera_tiny_224, "
        "vit_base_patch16_224, vit_huge_patch14_224, …"
    )
    assert find_weights("eva02", "vit_nano", (), "digits:0-5") == (  # all eight, and no more
        "no published eva02 weights for vit_nano; there are: " + ", ".join(published()["eva02"])
    )
    assert found(pretext="mocov3") == (
        "no published mocov3 weights are in the catalogue; name a file instead"
    )


def test_the_first_source_is_the_default() -> None:
    def source(wanted: str | None) -> str:
        weights = find_weights("clip", "vit_base_patch16_clip_224", (), "digits:0-5", wanted)
        return weights if isinstance(weights, str) else weights.source

    assert source(None) == "openai"
    assert source("dfn2b") == "dfn2b"
    assert source("opanai").startswith(
        "no published clip weights for vit_base_patch16_clip_224 of source 'opanai'; there are: "
        "openai, laion2b, datacompxl"
    )
