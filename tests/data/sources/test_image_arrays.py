"""Arrays of images in npz and npy files, as numpy writes them."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mood_sweeps.data.sources.array_file import ArrayPlace, read_array
from mood_sweeps.errors import InputError
from tests.support.image_folders import LONG_AGO, defined_set

COLOURS = np.random.RandomState(0).randint(0, 256, (12, 5, 7, 3)).astype(np.uint8)
GRAYS = COLOURS[..., 0]
LABELS = np.array([7, 3, 3, 7, 100, 3] * 2)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_holds_images_and_labels(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", images=COLOURS, labels=LABELS)
    images = defined_set({"npz": "a.npz"}, tmp_path).open("all")
    assert images.class_names == ("3", "7", "100")
    assert [images.class_names[label] for label in images.labels] == list(map(str, LABELS))
    assert images.ids[3] == "images:3"
    places = np.array([11, 0, 5, 5])
    for pixels, place in zip(images.read(places), places, strict=True):
        np.testing.assert_array_equal(pixels, COLOURS[place])
    mapped = read_array(ArrayPlace(str(tmp_path / "a.npz"), "images"))
    assert isinstance(mapped.base, np.memmap) == (save is np.savez)


def test_fortran_order_is_read_as_numpy_does(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.asfortranarray(COLOURS))
    np.save(tmp_path / "a.npy", np.asfortranarray(COLOURS))
    for raw in ({"npz": "a.npz"}, {"npy": "a.npy"}):
        np.testing.assert_array_equal(
            defined_set(raw, tmp_path).open("all").read(np.arange(12)), COLOURS
        )


def test_npy_files_hold_gray_images_and_text_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", GRAYS)
    np.save(tmp_path / "labels.npy", np.array(["zebra", "ant"] * 6)[:, None])
    images = defined_set({"npy": "images.npy", "labels": "labels.npy"}, tmp_path).open("all")
    assert images.class_names == ("ant", "zebra")
    assert images.labels.tolist() == [1, 0] * 6
    np.testing.assert_array_equal(images.read(np.array([2]))[0], GRAYS[2][:, :, None])
    assert defined_set({"npy": "images.npy"}, tmp_path).classes == ("unlabelled",)


def test_splits_are_arrays_of_one_file_or_files(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "both.npz",
        train_images=COLOURS[:8],
        train_labels=LABELS[:8],
        test_images=COLOURS[8:],
        test_labels=LABELS[8:],
    )
    of_one_file = defined_set(
        {
            "npz": "both.npz",
            "images": {"test": "test_images", "train": "train_images"},
            "labels": {"train": "train_labels", "test": "test_labels"},
            "class_names": {3: "three", 7: "seven", 100: "hundred"},
        },
        tmp_path,
    )
    test = of_one_file.open("test")
    assert [test.class_names[label] for label in test.labels] == [
        {3: "three", 7: "seven", 100: "hundred"}[label] for label in LABELS[8:]
    ]
    np.testing.assert_array_equal(test.read(np.arange(4)), COLOURS[8:])
    assert test.ids[0] == "test_images:0"
    np.save(tmp_path / "train.npy", COLOURS[:8])
    np.save(tmp_path / "test.npy", COLOURS[8:])
    images = defined_set({"npy": {"train": "train.npy", "test": "test.npy"}}, tmp_path)
    assert images.splits == ("train", "test", "all")
    assert list(images.open("test").ids) == [f"test:{index}" for index in range(4)]
    np.testing.assert_array_equal(images.open("test").read(np.arange(4)), COLOURS[8:])
    np.testing.assert_array_equal(images.open("all").read(np.arange(12)), COLOURS)


def test_kept_digests_are_those_of_the_pixels(tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    np.savez(tmp_path / "a.npz", images=COLOURS)
    np.savez_compressed(tmp_path / "b.npz", images=COLOURS)
    os.utime(tmp_path / "a.npz", (LONG_AGO, LONG_AGO))
    first = defined_set({"npz": "a.npz"}, tmp_path, kept)
    assert first.fingerprint == defined_set({"npz": "a.npz"}, tmp_path, kept).fingerprint
    assert first.fingerprint == defined_set({"npz": "b.npz"}, tmp_path).fingerprint
    changed = COLOURS.copy()
    changed[4, 1, 1, 1] ^= 1
    np.savez(tmp_path / "a.npz", images=changed)
    assert defined_set({"npz": "a.npz"}, tmp_path, kept).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (COLOURS.astype(np.float32), "must hold uint8"),
        (COLOURS.transpose(0, 3, 1, 2), r"channels first.*transpose\(0, 2, 3, 1\)"),
        (COLOURS[..., :2], r"must be \(N, H, W\)"),
        (COLOURS[:0], "is empty"),
    ],
)
def test_arrays_of_another_form_are_refused(
    tmp_path: Path, array: np.ndarray, message: str
) -> None:
    np.savez(tmp_path / "a.npz", images=array)
    with pytest.raises(InputError, match=message):
        defined_set({"npz": "a.npz"}, tmp_path)


def test_labels_of_another_form_are_refused(tmp_path: Path) -> None:
    for labels, message in ((LABELS[:5], "one label for each"), (LABELS / 2, "whole numbers")):
        np.savez(tmp_path / "a.npz", images=COLOURS, labels=labels)
        with pytest.raises(InputError, match=message):
            defined_set({"npz": "a.npz"}, tmp_path)
    with pytest.raises(InputError, match="no array 'label'; did you mean 'labels'"):
        defined_set({"npz": "a.npz", "labels": "label"}, tmp_path)


class _Trap:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("sprung"),)


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trapped = np.array([_Trap()], dtype=object)
    np.save(tmp_path / "a.npy", trapped, allow_pickle=True)
    np.savez(tmp_path / "a.npz", images=trapped, labels=trapped)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(_Trap()))
    for raw in ({"npz": "a.npz"}, {"npy": "a.npy"}, {"npy": "b.npy"}):
        with pytest.raises(InputError):
            defined_set(raw, tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_files_that_lie_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOURS)
    data = (tmp_path / "a.npz").read_bytes()
    for number, broken in enumerate((b"", b"PK\x03\x04", data[:200], data[: len(data) // 2])):
        (tmp_path / f"{number}.npz").write_bytes(broken)
        with pytest.raises(InputError):
            defined_set({"npz": f"{number}.npz"}, tmp_path)
    np.save(tmp_path / "a.npy", COLOURS)
    header = (tmp_path / "a.npy").read_bytes()[:128]
    (tmp_path / "b.npy").write_bytes(header)
    with pytest.raises(InputError, match=r"b.npy cannot be read"):
        defined_set({"npy": "b.npy"}, tmp_path)
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("images.npy", header.replace(b"(12, 5, 7, 3)", b"(9**9,5, 7,3)"))
        archive.writestr("labels.npy", header.replace(b"(12, ", b"(1200000000, "))
    with pytest.raises(InputError):
        defined_set({"npz": "c.npz"}, tmp_path)
