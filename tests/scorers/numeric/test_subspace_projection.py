from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.array_device import computing_on
from mood_sweeps.scorers.numeric.subspace_projection import projected_norm, subspace
from mood_sweeps.scorers.numeric.torch_device import TorchDevice

RNG = np.random.default_rng(5)
AXES = np.linalg.qr(RNG.normal(size=(300, 300)))[0]
ORIGIN = RNG.normal(size=300)
FEATURES = RNG.normal(size=(40, 300), loc=3).astype(np.float32)


def new_bank(dtype=np.float32):
    return FeatureBank(FEATURES.astype(dtype), np.zeros(40, int))


def space(columns, single=True):
    return subspace(FEATURES.mean(axis=0), ORIGIN, AXES, columns, single)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("single", "exact"), [(True, 1e-6), (False, 1e-12)])
@pytest.mark.parametrize("kept", [0, 1, 44, 127, 172, 299])
def test_is_the_length_of_what_lies_along_the_axes(kept, single, exact, dtype):
    expected = np.linalg.norm((FEATURES - ORIGIN) @ AXES[:, kept:], axis=1)
    ours = projected_norm(new_bank(dtype), space(slice(kept, None), single))
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, expected, rtol=exact)


def test_data_far_from_the_origin_lose_no_digits():
    far = FeatureBank(FEATURES + np.float32(4096), np.zeros(40, int))
    centre = far.features.mean(axis=0, dtype=np.float64)
    ours = projected_norm(far, subspace(centre, centre, AXES, slice(100, None), single=True))
    expected = np.linalg.norm((far.features - centre) @ AXES[:, 100:], axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("shared", "spaces"),
    [
        ("last", [slice(44, None), slice(172, None), slice(10, None)]),
        ("first", [slice(0, 128), slice(0, 256), slice(0, 290)]),
    ],
)
def test_directions_are_projected_on_once_whatever_else_was_asked_for(shared, spaces):
    widths = []

    class Watching(TorchDevice):
        def row_squares(self, values):
            widths.append(values.shape[1])
            return super().row_squares(values)

    with computing_on(Watching("cpu")):
        alone = [projected_norm(new_bank(), space(columns), shared) for columns in spaces]
        widths.clear()
        bank = new_bank()
        for columns, expected in zip(spaces, alone, strict=True):
            np.testing.assert_array_equal(projected_norm(bank, space(columns), shared), expected)
        # 256, nothing new, and the 34 that are left (or 128, 128 more, 34 more).
        assert sum(widths) == 290
        assert projected_norm(bank, space(spaces[0]), shared) is not alone[0]
        assert sum(widths) == 290


def test_banks_keep_their_own_lengths():
    one, other = new_bank(), FeatureBank(FEATURES * 2, np.zeros(40, int))
    assert (projected_norm(one, space(slice(8))) < projected_norm(other, space(slice(8)))).any()
