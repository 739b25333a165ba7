from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mood_sweeps.data.sources.generated import Generated
from mood_sweeps.data.sources.noise import GAUSSIAN, UNIFORM
from mood_sweeps.data.sources.shapes import SHAPES
from mood_sweeps.data.sources.strokes import STROKES
from mood_sweeps.data.sources.textures import TEXTURES
from mood_sweeps.errors import InputError
from tests.support.loaded_images import loaded

EVERY_SET = [GAUSSIAN, UNIFORM, SHAPES, TEXTURES, STROKES]
SIZES = {STROKES.name: 1200}

# Bytes that published numbers rest on: when one changes, bump that set's version.
GOLDEN: dict[str, tuple[int, str]] = {
    "gaussian": (1, "8c9857cafd27de15"),
    "uniform": (1, "ccf231db6c5be37e"),
    "shapes": (1, "a2b932f544539381"),
    "textures": (1, "fe908794d5a49fc7"),
    "strokes": (1, "b0911b110ad88d70"),
}


@pytest.mark.parametrize("generated", EVERY_SET, ids=lambda generated: generated.name)
def test_bytes_are_pinned(generated: Generated) -> None:
    digest = hashlib.sha256(loaded(generated.name, "all").images.tobytes()).hexdigest()
    assert (generated.version, digest[:16]) == GOLDEN[generated.name]


@pytest.mark.parametrize("generated", EVERY_SET, ids=lambda generated: generated.name)
def test_shape_size_and_labels(generated: Generated) -> None:
    images = loaded(generated.name, "all")
    size = SIZES.get(generated.name, 400)
    assert images.images.shape[0] == generated.size("all") == size
    assert images.images.shape[3] == 1
    assert set(np.bincount(images.labels).tolist()) == {size // len(generated.classes)}
    assert len(np.unique(images.images.reshape(size, -1), axis=0)) == size


def test_loading_leaves_numpys_global_generator_alone() -> None:
    np.random.seed(0)
    expected = np.random.uniform()
    np.random.seed(0)
    UNIFORM.open("all")
    assert np.random.uniform() == expected


def test_noise_has_the_stated_moments() -> None:
    gaussian = loaded("gaussian", "all").images / 255
    uniform = loaded("uniform", "all").images / 255
    assert gaussian.mean() == pytest.approx(0.5, abs=0.01)
    assert uniform.std() == pytest.approx(12**-0.5, abs=0.01)


def test_the_fingerprint_follows_the_version() -> None:
    bumped = Generated(UNIFORM.name, UNIFORM.drawings, version=UNIFORM.version + 1)
    assert bumped.fingerprint != UNIFORM.fingerprint


def test_the_parts_of_a_set_divide_it() -> None:
    parts = {split: loaded("strokes", split) for split in ("train", "val", "test")}
    assert {split: np.bincount(one.labels).tolist() for split, one in parts.items()} == {
        "train": [160] * 6,
        "val": [20] * 6,
        "test": [20] * 6,
    }
    divided = np.concatenate([one.images for one in parts.values()]).reshape(1200, -1)
    whole = loaded("strokes", "all").images.reshape(1200, -1)
    np.testing.assert_array_equal(np.unique(divided, axis=0), np.unique(whole, axis=0))
    for split, part in parts.items():
        for image, label in zip(part.images[::53], part.labels[::53], strict=True):
            (at,) = np.flatnonzero((whole == image.ravel()).all(axis=1))
            assert at // 200 == label, split


def test_the_parts_are_in_the_fingerprint() -> None:
    other = Generated(STROKES.name, STROKES.drawings, parts={"train": 150, "val": 30, "test": 20})
    assert other.size("all") == STROKES.size("all")
    assert other.fingerprint != STROKES.fingerprint


def test_without_parts_only_the_whole_set_can_be_loaded() -> None:
    with pytest.raises(InputError, match="allowed: all"):
        SHAPES.open("train")
