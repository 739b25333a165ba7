"""Tables of images; pandas writes and reads them independently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mood_sweeps.errors import InputError
from tests.support.image_folders import defined_set, save_images

NAMES = [f"{number % 3}/{number:02}, x.png" for number in range(30)]
FRAME = pd.DataFrame(
    {
        "file": NAMES,
        "kind": [["zebra", "ant", "007"][number % 3] for number in range(30)],
        "number": [(5, 100, -3)[number % 3] for number in range(30)],
        "weight": 0.5,
        "fold": [["Train", "valid", "test", "training"][number % 4] for number in range(30)],
    }
)


def save(frame: pd.DataFrame, folder: Path, form: str, **options: Any) -> dict[str, Any]:
    file = folder / f"table.{form}"
    if form == "csv":
        frame.to_csv(file, index=False, **options)
    else:
        frame.to_parquet(file)
    return {form: file.name, "root": "root", "image": "file"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_images(tmp_path / "root", NAMES)
    return tmp_path


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_are_those_that_pandas_reads(folder: Path, form: str) -> None:
    images = defined_set({**save(FRAME, folder, form), "label": "kind", "split": "fold"}, folder)
    called = {"Train": "train", "training": "train", "valid": "val", "test": "test"}
    for split in ("train", "val", "test"):
        opened = images.open(split)
        expected = FRAME[FRAME["fold"].map(called) == split].sort_values("file")
        assert list(opened.ids) == expected["file"].tolist()
        assert [opened.class_names[label] for label in opened.labels] == expected["kind"].tolist()
    assert images.classes == ("007", "ant", "zebra")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_numbers_are_labels_in_their_order(folder: Path, form: str) -> None:
    raw = {**save(FRAME, folder, form), "label": "number"}
    assert defined_set(raw, folder).classes == ("-3", "5", "100")
    floats = FRAME.assign(number=FRAME["number"].astype(float))
    assert defined_set({**save(floats, folder, form), "label": "number"}, folder).classes == (
        *("-3", "5", "100"),
    )


def test_other_separators(folder: Path) -> None:
    raw = {**save(FRAME, folder, "csv", sep=";"), "label": "kind", "separator": ";"}
    assert defined_set(raw, folder).size("all") == 30
    FRAME.to_csv(folder / "table.tsv", sep="\t", index=False)
    assert defined_set({**raw, "csv": "table.tsv", "separator": None}, folder).size("all") == 30


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_wrong_columns_and_values_are_named(folder: Path, form: str) -> None:
    raw = save(FRAME, folder, form)
    with pytest.raises(InputError) as refused:
        defined_set({**raw, "image": "files", "label": "kid"}, folder)
    assert "no column 'files'; did you mean 'file'?" in str(refused.value)
    assert "no column 'kid'; did you mean 'kind'?" in str(refused.value)
    with pytest.raises(InputError, match="'zebra' is no split; allowed: train, training, val"):
        defined_set({**raw, "split": "kind"}, folder)
    gap = FRAME.assign(file=[None, *NAMES[1:]])
    with pytest.raises(InputError, match="the column 'file' is empty"):
        defined_set(save(gap, folder, form), folder)
    gap = FRAME.assign(kind=[None, *FRAME["kind"][1:]])
    with pytest.raises(InputError, match="which is no label"):
        defined_set({**save(gap, folder, form), "label": "kind"}, folder)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_that_are_no_tables_are_refused(folder: Path, form: str) -> None:
    raw = save(FRAME, folder, form)
    file = folder / str(raw[form])
    for data in (b"", b"file\na,b,c\n1,2\n", file.read_bytes()[:100] + b"\xff\xfe,\xff\n"):
        file.write_bytes(data)
        with pytest.raises(InputError):
            defined_set(raw, folder)


def test_a_table_for_each_split(folder: Path) -> None:
    FRAME[:20].to_csv(folder / "a.csv", index=False)
    FRAME[20:].to_parquet(folder / "b.parquet")
    FRAME[20:].to_csv(folder / "b.csv", index=False)
    raw = {"csv": {"train": "a.csv", "test": "b.csv"}, "root": "root", "image": "file"}
    images = defined_set(raw, folder)
    assert list(images.open("test").ids) == sorted(NAMES[20:])
    with pytest.raises(InputError, match="a file for each split already"):
        defined_set({**raw, "split": "fold"}, folder)
