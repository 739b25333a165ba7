from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.identity import file_digest
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.plan import Plan
from mood_sweeps.planning.stage_inputs import LoadFile, LoadPublished
from tests.support.planned_sweeps import NamedImages, plan_of, read

SWEEP = """\
name: loaded
axes:
  pretext: [{pretext}]
  backbone: [{backbone}]
  finetune: [{finetune}]
  scorer: [msp, knn]
  seed: [0, 1]
pairs: [{{id: id:ab, near: [ood:x]}}]
"""


def planned(
    folder: Path,
    pretext: str = "beit",
    backbone: str = "beit_base_patch16_224",
    finetune: str = "pt",
    corpus: str = "",
) -> Plan:
    text = SWEEP.format(pretext=pretext, backbone=backbone, finetune=finetune)
    return plan_of(f"{text}{corpus}\n", folder)


def test_nothing_is_trained_and_no_seed_is_used(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eva02", "eva02_base_patch14_224")
    (one,) = plan.representations  # of both seeds
    assert one.seed is None
    (stage,) = one.chain
    assert stage.kind == "load"
    assert isinstance(stage.work, LoadPublished)
    assert stage.work.tag == "eva02_base_patch14_224.mim_in22k"
    assert stage.content == {
        "kind": "load",
        "version": 2,
        "weights": {"timm": stage.work.tag, "revision": "main"},
        "backbone": {"name": "eva02_base_patch14_224", "version": 1},
    }
    assert plan.stage_counts()["load"] == 1
    assert plan.removed == {"the scorer needs a head: the representation is headless": 1}


def test_what_is_trained_from_them_uses_the_seed(tmp_path: Path) -> None:
    plan = planned(tmp_path, "dinov3", "vit_base_patch16_dinov3", "pt, pt+ft")
    chains = {
        (one.finetune, one.seed): [stage.kind for stage in one.chain]
        for one in plan.representations
    }
    assert chains == {
        ("pt", None): ["load"],
        ("pt+ft", 0): ["load", "finetune"],
        ("pt+ft", 1): ["load", "finetune"],
    }
    assert plan.stage_counts()["load"] == 1


def test_the_longest_published_prefix_is_loaded_and_the_rest_is_trained(tmp_path: Path) -> None:
    def chain(finetune: str) -> list[str]:
        plan = planned(tmp_path, "eva02", "eva02_base_patch14_448", finetune)
        first, *rest = plan.representations[0].chain
        assert isinstance(first.work, LoadPublished)
        return [first.work.tag.partition(".")[2], *(stage.work.stage.name for stage in rest)]

    assert chain("pt+inter") == ["mim_in22k_ft_in22k"]
    assert chain("pt+inter+ft") == ["mim_in22k_ft_in22k", "ft"]


def test_a_stage_with_settings_of_its_own_was_never_published(tmp_path: Path) -> None:
    own = "{pt+inter: {inter: {epochs: 3}}}"
    openai = ("clip", "vit_base_patch16_clip_224")
    (loaded,) = planned(tmp_path, *openai, "pt+inter").representations
    assert loaded.chain[0].work.tag.endswith(".openai_ft_in12k")
    plan = planned(tmp_path, *openai, own, "corpus: id:cd")
    first, second = plan.representations[0].chain
    assert first.work.tag.endswith(".openai")
    assert second.work.id_set.name == "id:cd"
    assert plan.representations[0].head_set == "id:cd"


def test_inter_that_is_trained_here_needs_an_intermediate_set_or_a_corpus(tmp_path: Path) -> None:
    reason = "inter trains on an intermediate set, and the sweep names neither"
    with pytest.raises(InputError, match=reason):
        planned(tmp_path, "mocov3", "vit_nano", "pt+inter")
    plan = planned(tmp_path, "mocov3", "vit_nano", "pt+inter, pt+inter+ft", "corpus: id:cd")
    heads = {(one.finetune, one.seed): one.head_set for one in plan.representations}
    assert heads == {
        ("pt+inter", 0): "id:cd",
        ("pt+inter", 1): "id:cd",
        ("pt+inter+ft", 0): "id:ab",
        ("pt+inter+ft", 1): "id:ab",
    }
    assert plan.stage_counts()["finetune"] == 4


def test_inter_trains_on_the_intermediate_set_whatever_the_corpus(tmp_path: Path) -> None:
    def inter_of(sets: str) -> tuple[str, str]:
        plan = planned(tmp_path, "mocov3", "vit_nano", "pt+inter+ft", sets)
        pretrained, inter, ft = plan.representations[0].chain
        assert ft.work.id_set.name == plan.representations[0].head_set == "id:ab"
        return pretrained.work.corpus.name, inter.work.id_set.name

    assert inter_of("intermediate: id:ef") == ("id:ab", "id:ef")
    assert inter_of("corpus: id:cd\nintermediate: id:ef") == ("id:cd", "id:ef")
    assert inter_of("corpus: id:cd") == ("id:cd", "id:cd")


def test_what_is_not_in_the_catalogue_is_a_rule_that_says_what_is(tmp_path: Path) -> None:
    plan = planned(tmp_path, "beit, random", "beit_base_patch16_224", "pt")
    assert {one.pretext for one in plan.representations} == {"random"}
    reason = (
        "no published beit weights for beit_base_patch16_224 that pt can start from; "
        "there are: pt+inter, pt+inter+ft (of imagenet-1k)"
    )
    assert plan.removed[reason] == 2  # two scorers, one cell whatever the seed


def test_a_sweep_of_which_nothing_is_left_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"sweep\.yaml: the rules leave no cell \(no published beit"
    ):
        planned(tmp_path)
    with pytest.raises(InputError, match="name a file instead"):
        planned(tmp_path, "{mocov3: {weights: published}}")


def test_what_is_asked_of_published_weights_is_in_the_key(tmp_path: Path) -> None:
    def key(pretext: str, backbone: str = "vit_base_patch16_clip_224") -> str:
        return planned(tmp_path, pretext, backbone).representations[0].key

    keys = [
        key("clip"),
        key("{clip: {revision: 0a1b}}"),
        key("{clip: {transform: moodv2}}"),
        key("{clip: {source: laion2b}}"),
        key("clip", "{vit_base_patch16_clip_224: {image_size: 96}}"),
    ]
    assert len(set(keys)) == len(keys)
    assert key("{clip: {source: openai}}") == keys[0]


def test_a_classifier_is_the_head_of_its_own_classes_only(tmp_path: Path) -> None:
    class ImageNet(NamedImages):
        @property
        def source(self) -> str:
            return "imagenet-1k"

    text = SWEEP.format(pretext="augreg", backbone="vit_base_patch16_224", finetune="pt+ft")
    sweep = read(text, tmp_path)
    pairs = tuple(dataclasses.replace(pair, id_set="imagenet-1k") for pair in sweep.pairs)
    plan = expand(dataclasses.replace(sweep, pairs=pairs), ImageNet)
    (one,) = plan.representations
    assert one.head_set == "imagenet-1k"
    assert one.predictions == "head"
    assert one.chain[0].work.with_head
    assert {cell.scorer_label for cell in plan.cells} == {"msp", "knn"}


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"weights")
    (tmp_path / "b.pth").write_bytes(b"weights")
    (tmp_path / "c.pth").write_bytes(b"others")

    def key(pretext: str) -> str:
        (one,) = planned(tmp_path, pretext, "vit_nano").representations
        (stage,) = one.chain
        assert isinstance(stage.work, LoadFile)
        assert stage.work.digest == file_digest(Path(stage.work.path))
        assert one.seed is None
        return stage.key

    first = key("{mocov3: {weights: a.pth}}")
    assert key("{file: {weights: b.pth}}") == first
    assert key("{file: {weights: c.pth}}") != first
    assert key("{file: {weights: a.pth, transform: imagenet}}") != first
    assert key("{file: {weights: a.pth, layout: timm}}") != first


def test_a_head_in_a_file_serves_the_set_it_was_trained_on(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"weights")
    plan = planned(tmp_path, "{file: {weights: a.pth, head: 'id:ab'}}", "vit_nano")
    (one,) = plan.representations
    assert one.predictions == "head"
    assert one.chain[0].work.classes == 2
    assert len(plan.cells) == 2
