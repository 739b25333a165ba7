"""Where products are computed, and that it is asked for by name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.numeric.array_device import (
    computing_on,
    device,
    device_named,
    product_with,
)
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from tests.support.torch_devices import Watched

RNG = np.random.default_rng(0)


def test_numpy_computes_unless_a_device_is_asked_for():
    alone, there = device(), Watched()
    assert alone.xp is np
    with computing_on(there):
        assert device() is there
        with computing_on(device_named("cpu")):
            assert device() is alone
        assert device() is there
    assert device() is alone


def test_the_device_is_left_when_something_fails():
    with pytest.raises(ZeroDivisionError), computing_on(Watched()):
        _ = 1 / 0
    assert device().xp is np


def test_what_was_computed_on_one_device_is_not_taken_for_what_another_would():
    bank = FeatureBank(np.ones((3, 2)), np.zeros(0, int))
    assert once_per_bank(bank, "name", lambda: "here") == "here"
    with computing_on(Watched()):
        assert once_per_bank(bank, "name", lambda: "there") == "there"
    assert once_per_bank(bank, "name", lambda: "again") == "here"


@pytest.mark.parametrize("block", [np.float32, np.float64])
@pytest.mark.parametrize("matrix", [np.float32, np.float64])
def test_a_product_is_as_precise_as_the_wider_of_both(block, matrix):
    left, right = RNG.normal(size=(5, 4)).astype(block), RNG.normal(size=(3, 4)).astype(matrix).T
    alone = product_with(right)(left)
    with computing_on(Watched()):
        there = product_with(right)(left)
    assert alone.dtype == there.dtype == np.result_type(block, matrix)
    np.testing.assert_allclose(alone, left.astype(float) @ right.astype(float), rtol=1e-5)
    np.testing.assert_allclose(there, alone, rtol=1e-5)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch finds no GPU"):
        device_named("cuda")


def test_a_device_of_another_name_is_refused():
    with pytest.raises(InputError, match="there is no device 'gpu'; allowed: cpu, cuda"):
        device_named("gpu")


def test_the_cpu_needs_no_torch():
    code = (
        "import sys; from mood_sweeps.scorers.numeric.array_device import *\n"
        "with computing_on(device_named('cpu')): pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
