"""What is wrong with a definition is said all at once, at its place, before any image is read."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mood_sweeps.data.definitions import (
    definition_from_json,
    definition_to_json,
    read_definition,
)
from mood_sweeps.errors import InputError
from tests.support.image_folders import save_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_images(tmp_path / "images", ["cat/1.png", "dog/1.png"])
    (tmp_path / "list.txt").write_text("cat/1.png 0\n")
    (tmp_path / "table.csv").write_text("file\ncat/1.png\n")
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 3, 3), np.uint8))
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 3), np.uint8))
    return tmp_path


GOOD: list[dict[str, Any]] = [
    {"folder": "images"},
    {"folder": "images", "split": {"train": 0.8, "validation": 0.1, "test": 0.1}},
    {"list": "list.txt", "root": "images", "on_corrupt": "skip"},
    {"list": {"train": "list.txt"}, "root": "images", "class_names": ["cat"]},
    {"csv": "table.csv", "image": "file", "root": "images", "separator": ","},
    {"npz": "a.npz", "images": "images"},
    {"npy": "a.npy", "class_names": {"0": "cat"}},
]


@pytest.mark.parametrize("raw", GOOD)
def test_definitions_are_values(raw: dict[str, Any], folder: Path) -> None:
    definition = read_definition(raw, folder)
    assert read_definition(raw, folder) == definition
    assert pickle.loads(pickle.dumps(definition)) == definition  # noqa: S301
    plain = json.loads(json.dumps(definition_to_json(definition)))
    assert definition_from_json(plain) == definition
    assert len(pickle.dumps(definition)) < 2_000
    assert str(folder) not in definition.content


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        ("images", {(): "write a mapping, such as {folder: path}"}),
        ({}, {(): "one of folder, list, csv, parquet, npz, npy has to say"}),
        ({"folde": "images"}, {("folde",): "did you mean 'folder'?"}),
        ({"folder": "images", "npz": "a.npz"}, {("npz",): "folder and npz"}),
        ({"folder": "image"}, {("folder",): "there is no folder"}),
        ({"folder": "list.txt"}, {("folder",): "list.txt is no folder"}),
        ({"folder": 3}, {("folder",): "but the path of a folder"}),
        (
            {"folder": "no", "splitt": {}, "on_corrupt": "skipp"},
            {
                ("splitt",): "did you mean 'split'?",
                ("folder",): "there is no folder",
                ("on_corrupt",): "did you mean 'skip'?",
            },
        ),
        (
            {"folder": "images", "split": {"train": 0.8, "tset": 0.1, "val": "much"}},
            {("split", "tset"): "did you mean 'test'?", ("split", "val"): "'much' is no fraction"},
        ),
        ({"folder": "images", "split": {"train": 0.8, "test": 0.3}}, {("split",): "add up to 1.1"}),
        (
            {"folder": "images", "split": {"val": 0.1, "valid": 0.1}},
            {("split", "valid"): "one split"},
        ),
        ({"folder": "images", "split": "fold"}, {("split",): "but fractions"}),
        ({"list": "images"}, {("list",): "is no file"}),
        ({"list": {"trian": "list.txt"}}, {("list", "trian"): "did you mean 'train'?"}),
        ({"list": {}}, {("list",): "names no split"}),
        ({"list": "list.txt", "class_names": "cat"}, {("class_names",): "neither a list nor"}),
        (
            {"list": "list.txt", "class_names": ["a", "a"]},
            {("class_names",): "two labels the name"},
        ),
        ({"csv": "table.csv"}, {("csv",): "image has to name the column"}),
        ({"csv": "table.csv", "image": ["file"]}, {("image",): "is no name"}),
        ({"csv": "table.csv", "image": "file", "separator": "::"}, {("separator",): "not one"}),
        ({"npz": "a.npz", "images": {"train": "a", "test": "a"}}, {("images",): "two splits"}),
        ({"npy": "a.npy", "labels": {"train": "a.npy"}}, {("labels",): "the same splits"}),
    ],
)
def test_problems_lead_to_their_fields(
    raw: Any, problems: dict[tuple[str, ...], str], folder: Path
) -> None:
    with pytest.raises(InputError) as refused:
        read_definition(raw, folder)
    found = {problem.inside: problem.message for problem in refused.value.problems}
    assert set(found) == set(problems)
    for inside, message in problems.items():
        assert message in found[inside]


def test_paths_begin_at_the_file_then_at_the_roots(folder: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    here = read_definition({"folder": "images"}, folder, [elsewhere])
    assert here == read_definition({"folder": "images"}, elsewhere, [Path("/nowhere"), folder])
    assert here == read_definition({"folder": str(folder / "images")}, elsewhere)
    with pytest.raises(InputError) as refused:
        read_definition({"folder": "no"}, folder, [elsewhere])
    assert f"there is no folder {folder}/no or {elsewhere}/no" in str(refused.value)
