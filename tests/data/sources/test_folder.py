"""Folders of images; torchvision's ImageFolder is the independent reader."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.sources.folder import Folder
from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError
from tests.support.image_folders import defined_set, save_image, save_images

CLASSES = (
    *("cat/1.png", "cat/2.JPG", "cat/10.jpeg", "cat/more/3.png"),
    *("dog/1.png", "dog/x.TIFF", "Dog big/1.webp", "a.b/1.bmp"),
)


def set_of(folder: Path, **fields: object) -> UserSet:
    return defined_set({"folder": str(folder), **fields}, Path("/"))


def refusal_of(folder: Path, **fields: object) -> str:
    with pytest.raises(InputError) as refused:
        set_of(folder, **fields)
    return str(refused.value)


def assert_same_as_torchvision(images: LabelledImages, folder: Path, prefix: str = "") -> None:
    reference = ImageFolder(str(folder))
    assert list(images.class_names) == reference.classes
    expected = {
        prefix + Path(path).relative_to(folder).as_posix(): label
        for path, label in reference.samples
    }
    assert dict(zip(images.ids, images.labels.tolist(), strict=True)) == expected
    places = {id_: index for index, id_ in enumerate(images.ids)}
    for path, _ in reference.samples:
        index = places[prefix + Path(path).relative_to(folder).as_posix()]
        (pixels,) = images.read(np.array([index]))
        np.testing.assert_array_equal(pixels, np.asarray(reference.loader(path)))


def test_class_folders_are_read_as_torchvision_does(tmp_path: Path) -> None:
    save_images(tmp_path, CLASSES)
    (tmp_path / "cat" / "README.txt").write_text("about cats")
    images = set_of(tmp_path)
    assert images.splits == ("all",)
    assert_same_as_torchvision(images.open("all"), tmp_path)


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_folders_of_splits_are_recognised(tmp_path: Path, val: str) -> None:
    for number, split in enumerate(("train", val, "test")):
        for name in ("cat/1.png", "cat/2.png", "dog/1.png")[: 3 - number]:
            save_image(tmp_path / split / name, number)
    images = set_of(tmp_path)
    assert images.splits == ("train", "val", "test", "all")
    assert [images.size(split) for split in images.splits] == [3, 2, 1, 6]
    assert images.open("test").class_names == ("cat", "dog")
    assert_same_as_torchvision(images.open("train"), tmp_path / "train", "train/")
    assert list(images.open("val").ids) == [f"{val}/cat/1.png", f"{val}/cat/2.png"]


def test_images_without_class_folders_have_no_label(tmp_path: Path) -> None:
    save_images(tmp_path, ["b.png", "a.png", "c.JPEG"])
    images = set_of(tmp_path).open("all")
    assert images.class_names == ("unlabelled",)
    assert list(images.ids) == ["a.png", "b.png", "c.JPEG"]
    assert images.labels.tolist() == [0, 0, 0]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    save_images(tmp_path, ["train/1.png", "plane/1.png"])
    assert set_of(tmp_path).classes == ("plane", "train")


def test_what_is_hidden_is_left_out(tmp_path: Path) -> None:
    save_images(tmp_path, ["cat/1.png", "cat/._1.png", ".cache/1.png", "__MACOSX/cat/1.png"])
    assert list(set_of(tmp_path).open("all").ids) == ["cat/1.png"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    elsewhere = save_images(tmp_path / "elsewhere", ["1.png", "2.png"])
    root = save_images(tmp_path / "root", ["cat/1.png"])
    (root / "dog").symlink_to(elsewhere)
    images = set_of(root)
    assert list(images.open("all").ids) == ["cat/1.png", "dog/1.png", "dog/2.png"]
    (root / "cat" / "again").symlink_to(root)
    assert "cat/again/cat: it is inside itself" in refusal_of(root)


def test_every_problem_of_the_folders_is_named_at_once(tmp_path: Path) -> None:
    save_images(tmp_path, ["cat/1.png"])
    (tmp_path / "dog").mkdir()
    (tmp_path / "bird").mkdir()
    (tmp_path / "bird" / "notes.txt").write_text("none yet")
    (tmp_path / "cat" / os.fsdecode(b"\xff.png")).write_bytes(b"")
    message = refusal_of(tmp_path)
    assert "the class 'dog' has no image" in message
    assert "the class 'bird' has no image" in message
    assert "no UTF-8" in message


def test_a_folder_that_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be read by one user only
        Path(folder).chmod(0o755)
        check_a_folder_that_may_not_be_read(Path(folder))


def check_a_folder_that_may_not_be_read(folder: Path) -> None:
    root = save_images(folder / "root", ["cat/1.png", "dog/1.png"])
    (root / "dog").chmod(0)
    as_root = os.geteuid() == 0
    try:
        if as_root:
            os.seteuid(65_534)  # a superuser may read everything
        message = refusal_of(root)
    finally:
        if as_root:
            os.seteuid(0)
        (root / "dog").chmod(0o755)
    assert "dog: Permission denied" in message


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    save_images(tmp_path, ["cat/1.png"])
    (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nothing.png")
    assert "cat/gone.png: No such file" in refusal_of(tmp_path)


def test_folders_that_are_neither_are_refused(tmp_path: Path) -> None:
    both = save_images(tmp_path / "both", ["cat/1.png", "1.png"])
    assert "'cat' among them, and images beside them" in refusal_of(both)
    extra = save_images(tmp_path / "extra", ["train/cat/1.png", "test/cat/1.png", "more/1.png"])
    assert "'more', which is none" in refusal_of(extra)
    twice = save_images(tmp_path / "twice", ["val/cat/1.png", "valid/cat/1.png"])
    assert "two folders of one split" in refusal_of(twice)
    (tmp_path / "empty").mkdir()
    assert "holds no image" in refusal_of(tmp_path / "empty")
    unseen = save_images(tmp_path / "unseen", ["train/cat/1.png", "test/dog/1.png"])
    assert "no image in train is of class 'dog'" in refusal_of(unseen)


def test_images_that_cannot_be_read_are_refused_or_left_out(tmp_path: Path) -> None:
    root = save_images(tmp_path, CLASSES)
    whole = set_of(root)
    (root / "cat" / "zero.png").write_bytes(b"")
    (root / "cat" / "text.jpg").write_text("this is a text")
    data = (root / "cat" / "1.png").read_bytes()
    (root / "dog" / "cut.png").write_bytes(data[: len(data) // 2])
    message = refusal_of(root)
    assert message.count("\n") == 2
    assert "cat/zero.png: the file is empty" in message
    assert "cat/text.jpg: it is none of" in message
    assert "dog/cut.png: it cannot be decoded" in message

    left = set_of(root, on_corrupt="skip")
    assert list(left.open("all").ids) == list(whole.open("all").ids)
    assert left.fingerprint == whole.fingerprint
    assert left.note == "3 of 11 images of mine cannot be read"
    images = left.open("all")
    for mine, theirs in zip(
        images.read(np.arange(8)), whole.open("all").read(np.arange(8)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_an_image_that_breaks_later_is_named_when_it_is_read(tmp_path: Path) -> None:
    images = set_of(save_images(tmp_path, CLASSES)).open("all")
    (tmp_path / "cat" / "1.png").write_bytes(b"")
    (tmp_path / "dog" / "1.png").unlink()
    with pytest.raises(InputError) as refused:
        images.read(np.arange(len(images)))
    assert "cat/1.png: the file is empty" in str(refused.value)
    assert "dog/1.png: No such file" in str(refused.value)


def test_splits_drawn_by_content_stay_when_images_come(tmp_path: Path) -> None:
    root = save_images(tmp_path / "root", [f"{name}/{i}.png" for name in "abc" for i in range(100)])
    fractions = {"train": 0.6, "val": 0.1, "test": 0.3}
    images = set_of(root, split=fractions)
    before = {split: set(images.open(split).ids) for split in ("train", "val", "test")}
    sizes = [len(ids) for ids in before.values()]
    assert sum(sizes) == 300
    np.testing.assert_allclose(sizes, [180, 30, 90], atol=25)
    for number in range(20):
        save_image(root / "a" / f"new {number}.png", 1_000 + number)
    shutil.copy(root / "a" / "0.png", root / "a" / "copy of 0.png")
    again = set_of(root, split=fractions)
    after = {split: set(again.open(split).ids) for split in ("train", "val", "test")}
    assert all(before[split] <= after[split] for split in before)
    assert any({"a/0.png", "a/copy of 0.png"} <= ids for ids in after.values())


def test_validation_images_can_be_taken_from_train(tmp_path: Path) -> None:
    names = [
        f"{split}/{name}/{i}.png" for split in ("train", "test") for name in "ab" for i in range(60)
    ]
    root = save_images(tmp_path, names)
    images = set_of(root, split={"val": 0.25})
    assert images.splits == ("train", "val", "test", "all")
    assert images.size("train") + images.size("val") == images.size("test") == 120
    assert 15 < images.size("val") < 45
    assert all(id_.startswith("train/") for id_ in images.open("val").ids)
    assert "has the split 'test' already" in refusal_of(root, split={"test": 0.5})
    assert "not to 1" in refusal_of(root / "train", split={"val": 0.5})


def test_a_folder_declares_itself_without_its_path(tmp_path: Path) -> None:
    assert Folder(tmp_path).content == Folder(tmp_path / "elsewhere").content
    assert Folder(tmp_path).content != Folder(tmp_path, on_corrupt="skip").content
