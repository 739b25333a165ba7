from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mood_sweeps.errors import InputError
from mood_sweeps.experiment import load_sweep
from mood_sweeps.methods.pretexts.choose_pretexts import LOADED, choose_pretexts
from mood_sweeps.networks.published.catalogue import published
from tests.support.planned_sweeps import read

SWEEP = """\
name: loaded
axes:
  pretext:
    - {pretext}
  backbone: [vit_base_patch16_224]
  finetune: [pt]
  scorer: [knn]
pairs: [{{id: id:ab, near: [ood:x]}}]
"""


def labels(raw: Any) -> list[str]:
    return [choice.label for choice in choose_pretexts(raw)]


def problem(pretext: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(SWEEP.format(pretext=pretext), folder)
    (found,) = caught.value.problems
    assert found.where == f"{folder}/sweep.yaml:4"
    return found.message


def test_trained_pretext_tasks_keep_their_labels() -> None:
    for raw in ("mocov3", {"mocov3": {"weights": "trained"}}, {"mocov3": {}}):
        (choice,) = choose_pretexts(raw)
        assert choice.label == "mocov3"
        assert not choice.parameters.is_loaded
        assert choice.content == {"name": "mocov3", "version": choice.parameters.version}


def test_every_pretext_of_the_catalogue_can_be_named() -> None:
    for name in published():
        raw = name if name in LOADED else {name: {"weights": "published"}}
        (choice,) = choose_pretexts(raw)
        assert choice.parameters.is_loaded
        assert not choice.parameters.uses_seed


def test_labels_show_where_weights_come_from() -> None:
    assert labels("beit") == labels({"beit": {"weights": "published"}}) == ["beit"]
    assert labels({"mae": {"weights": "published"}}) == ["mae(weights=published)"]
    assert labels({"clip": {"source": "laion2b", "transform": "moodv2"}}) == [
        "clip(source=laion2b, transform=moodv2)"
    ]
    assert labels({"mocov3": {"weights": "a/vit.pth.tar"}}) == ["mocov3(weights=a/vit.pth.tar)"]
    assert labels({"file": {"weights": "m.safetensors", "layout": "timm"}}) == [
        "file(layout=timm, weights=m.safetensors)"
    ]


def test_lists_are_grids() -> None:
    assert labels({"mae": {"weights": ["trained", "published", "m.pth"]}}) == [
        "mae",
        "mae(weights=published)",
        "mae(weights=m.pth)",
    ]
    assert labels({"dino": {"weights": "published", "transform": ["own", "moodv2"]}}) == [
        "dino(weights=published)",
        "dino(transform=moodv2, weights=published)",
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"beit": {"weights": "trained"}}, "pretext 'beit' is not trained here"),
        ({"mae": {"weights": "published", "epochs": 5}}, "'mae' has no parameter 'epochs'"),
        ({"random": {"weights": "published"}}, "'random' has no parameter 'weights'"),
        ("file", "parameter 'weights': field required"),
        ({"file": {"weights": ""}}, "at least 1 character"),
        ({"file": {"weights": 3}}, "parameter 'weights': input should be a valid string"),
        ({"beit": {"transform": "moodv3"}}, "'own' or 'moodv2'"),
        ({"mocov3": {"weights": "m.pth", "layout": "moco"}}, "'mocov3', 'beit' or 'mmpretrain'"),
        ("siglipp", "did you mean 'siglip'?"),
        ({"mae": {"weights": []}}, "parameter 'weights'"),
    ],
)
def test_a_wrong_pretext_item_is_refused(raw: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        choose_pretexts(raw)
    assert message in str(caught.value)


def test_a_relative_weight_file_is_found_beside_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "m.pth").write_bytes(b"anything")
    sweep = read(SWEEP.format(pretext="{mocov3: {weights: m.pth}}"), tmp_path)
    assert sweep.pretexts[0].label == "mocov3(weights=m.pth)"
    assert problem("{mocov3: {weights: n.pth}}", tmp_path) == (
        f"there is no file of weights {tmp_path}/n.pth"
    )
    (tmp_path / "folder").mkdir()
    assert problem("{file: {weights: folder}}", tmp_path) == (
        f"{tmp_path}/folder is a folder, not a file of weights"
    )
    assert "cannot be read" in problem('{file: {weights: "m.pth/inside"}}', tmp_path)


def test_the_image_set_of_a_head_gets_its_canonical_name(tmp_path: Path) -> None:
    (tmp_path / "m.pth").write_bytes(b"anything")
    text = yaml.safe_load(SWEEP.format(pretext="{file: {weights: m.pth, head: 'digits:0,1,2'}}"))
    text["pairs"] = [{"id": "digits:0-2", "near": ["digits:6-9"]}]
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(text))
    (choice,) = load_sweep(file).pretexts
    assert choice.parameters.head == "digits:0-2"
    text["axes"]["pretext"] = [{"file": {"weights": "m.pth", "head": "digit:0-2"}}]
    file.write_text(yaml.safe_dump(text))
    with pytest.raises(InputError, match="unknown image set 'digit:0-2'; did you mean 'digits'"):
        load_sweep(file)
