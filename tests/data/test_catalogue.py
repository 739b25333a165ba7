from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from mood_sweeps.data import DATASETS, image_set
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.errors import InputError
from tests.support.loaded_images import loaded


@pytest.mark.parametrize("source", DATASETS)
def test_every_source_keeps_the_contract(source: str) -> None:
    whole = image_set(source)
    assert whole.name == whole.source == source
    for split in whole.splits:
        images = loaded(source, split)
        assert len(images) == whole.size(split) == len(images.labels), split
        assert images.class_names == whole.classes, split
        assert len(set(images.ids)) == len(images), split
        last = np.array([len(images) - 1, 0])
        taken = images.take(last).read(np.arange(2))
        for pixels, again in zip(images.read(last), taken, strict=True):
            assert pixels.dtype == np.uint8, split
            np.testing.assert_array_equal(pixels, again)
        assert images.labels.min() == 0, split
        assert images.labels.max() == len(whole.classes) - 1, split
    assert len(whole.fingerprint) == 64


def test_an_image_has_one_id_in_every_split_and_selection() -> None:
    whole, part = image_set("digits").open("all"), image_set("digits:3-4").open("test")
    pixels = dict(zip(whole.ids, whole.read(np.arange(len(whole))), strict=True))
    for name, image in zip(part.ids, part.read(np.arange(len(part))), strict=True):
        np.testing.assert_array_equal(image, pixels[name])


def test_a_set_that_changed_since_it_was_planned_is_refused() -> None:
    planned = PlannedSet.of(image_set("digits:0-5"))
    assert planned.open().name == "digits:0-5"
    with pytest.raises(InputError, match="'digits:0-5' has changed since it was planned"):
        dataclasses.replace(planned, fingerprint="0").open()


def test_fingerprints_differ_between_sources() -> None:
    assert len({image_set(source).fingerprint for source in DATASETS}) == len(DATASETS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digit:0-5", "did you mean 'digits'"),
        ("imagenet", "allowed: digits, gaussian"),
        ("photos:china", "no classes to select"),
        ("digits:", "selects no class"),
    ],
)
def test_bad_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        image_set(name)


def test_planning_imports_nothing_heavy() -> None:
    code = (
        "import sys; from mood_sweeps.data import image_set;"
        "[image_set(n).fingerprint for n in ('digits:0-5', 'photos', 'shapes')];"
        "image_set('digits:0-5').size('train');"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas', 'PIL') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
