from __future__ import annotations

import numpy as np
from sklearn.datasets import load_sample_images

from mood_sweeps.data.sources.photos import Photos


def test_patches_are_tiles_of_scikit_learns_photographs() -> None:
    china, flower = load_sample_images().images
    patches = Photos().open("all")
    assert patches.images.shape == (320, 40, 40, 3)
    np.testing.assert_array_equal(patches.images[0], china[:40, :40])
    np.testing.assert_array_equal(patches.images[17], china[40:80, 40:80])
    np.testing.assert_array_equal(patches.images[-1], flower[360:400, 600:640])
    assert patches.labels.tolist() == [0] * 160 + [1] * 160


def test_size_needs_no_decoding_and_is_right() -> None:
    assert Photos().size("all") == len(Photos().open("all"))
