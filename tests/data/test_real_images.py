"""Real JPEG files, CIFAR-10 in class folders and photographs of many sizes, against torchvision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import pil_loader

from mood_sweeps.data.catalogue import ImageSets
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.kept_digests import KeptDigests
from tests.support.real_data import real_data


def find_sets(tmp_path: Path, **raw: dict[str, object]) -> ImageSets:
    definitions = {name: read_definition(one, tmp_path) for name, one in raw.items()}
    return ImageSets(definitions, KeptDigests(tmp_path / "kept.sqlite"))


def test_cifar_is_read_as_torchvision_does(tmp_path: Path) -> None:
    root = real_data("cifar10")
    images = find_sets(tmp_path, cifar={"folder": str(root)})("cifar")
    assert images.splits == ("train", "test", "all")
    for split, n in (("train", 10_000), ("test", 5_000)):
        reference = ImageFolder(str(root / split))
        opened = images.open(split)
        assert len(opened) == n
        assert list(opened.class_names) == reference.classes
        paths = [Path(path).relative_to(root).as_posix() for path, _ in reference.samples]
        assert list(opened.ids) == paths
        np.testing.assert_array_equal(opened.labels, reference.targets)
        some = np.arange(0, n, 97)
        for index, pixels in zip(some, opened.read(some), strict=True):
            np.testing.assert_array_equal(pixels, np.asarray(reference[index][0]))


def test_a_list_of_openood_is_the_same_images(tmp_path: Path) -> None:
    root = real_data("cifar10")
    test = ImageFolder(str(root / "test"))
    lines = [f"{Path(path).relative_to(root).as_posix()} {label}\n" for path, label in test.samples]
    (tmp_path / "test_cifar10.txt").write_text("".join(reversed(lines)))
    find = find_sets(
        tmp_path,
        listed={"list": {"test": "test_cifar10.txt"}, "root": str(root)},
        named={"list": "test_cifar10.txt", "root": str(root), "class_names": test.classes},
        folder={"folder": str(root)},
    )
    expected, listed, named = find("folder"), find("listed").open("test"), find("named~500")
    assert list(listed.ids) == list(expected.open("test").ids)
    np.testing.assert_array_equal(listed.labels, expected.open("test").labels)
    assert named.classes == expected.classes
    assert named.size("all") == 500


def test_photographs_of_every_size_are_read_as_torchvision_does(tmp_path: Path) -> None:
    root = real_data("imagenet_samples")
    images = find_sets(tmp_path, photographs={"folder": str(root)})("photographs").open("all")
    assert len(images) == 143
    gray = 0
    for id_, pixels in zip(images.ids, images.read(np.arange(143)), strict=True):
        gray += pixels.shape[2] == 1
        expected = np.asarray(pil_loader(root / id_))
        np.testing.assert_array_equal(np.broadcast_to(pixels, expected.shape), expected)
    assert gray == 4
