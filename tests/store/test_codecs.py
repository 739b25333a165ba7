from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.store.codecs import (
    load_arrays,
    load_bank,
    load_head,
    load_ids,
    map_bank,
    save_arrays,
    save_bank,
    save_head,
    save_ids,
)

dtypes = st.sampled_from(["f2", "f4", "f8", "i1", "u1", "i4", "i8", "?"])
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=5))
)
orders = st.sampled_from([np.ascontiguousarray, np.asfortranarray, lambda a: a.T, lambda a: a[::2]])


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), arrays, max_size=4))
def test_arrays_come_back_bit_for_bit(named: dict[str, npt.NDArray[Any]]) -> None:
    named.pop("__metadata__", None)
    with tempfile.TemporaryDirectory() as folder:
        save_arrays(named, Path(folder) / "file")
        back = load_arrays(Path(folder) / "file")
    assert back.keys() == named.keys()
    for name, array in named.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


@settings(deadline=None)
@given(
    hnp.arrays("f8", hnp.array_shapes(min_dims=1, max_dims=3), elements=st.floats(-1, 1)), orders
)
def test_values_do_not_depend_on_the_layout_in_memory(
    array: npt.NDArray[Any], lay_out: Any
) -> None:
    laid_out = lay_out(array)
    with tempfile.TemporaryDirectory() as folder:
        save_arrays({"a": laid_out}, Path(folder) / "file")
        back = load_arrays(Path(folder) / "file")["a"]
    np.testing.assert_array_equal(back, laid_out)
    assert back.flags.c_contiguous


def test_equal_content_gives_equal_bytes_in_any_order(tmp_path: Path) -> None:
    one, two = np.arange(3.0), np.arange(4)
    save_arrays({"one": one, "two": two}, tmp_path / "a")
    save_arrays({"two": two, "one": one}, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("with_logits", [True, False])
def test_a_bank_comes_back(tmp_path: Path, with_logits: bool) -> None:
    rng = np.random.default_rng(0)
    bank = FeatureBank(
        rng.normal(size=(7, 5)).astype(np.float32),
        rng.integers(0, 3, 7),
        rng.normal(size=(7, 3)).astype(np.float32) if with_logits else None,
    )
    save_bank(bank, tmp_path)
    back = load_bank(tmp_path)
    np.testing.assert_array_equal(back.features, bank.features)
    np.testing.assert_array_equal(back.labels, bank.labels)
    assert len(back) == 7
    assert back.ids_digest is None
    assert load_ids(tmp_path) is None
    if bank.logits is None:
        assert back.logits is None
    else:
        np.testing.assert_array_equal(back.logits, bank.logits)


def test_the_ids_of_a_banks_images_come_back(tmp_path: Path) -> None:
    ids = ("n01/a.JPEG", "n02/ü\n.png")
    bank = FeatureBank(np.ones((2, 1), np.float32), np.zeros(2, np.int64), ids_digest="0123")
    save_bank(bank, tmp_path)
    save_ids(ids, tmp_path)
    assert load_bank(tmp_path).ids_digest == map_bank(tmp_path).ids_digest == "0123"
    assert load_ids(tmp_path) == ids


def test_a_head_comes_back_and_a_missing_one_is_none(tmp_path: Path) -> None:
    assert load_head(tmp_path) is None
    head = Head(np.eye(3, 4, dtype=np.float32), np.ones(3, dtype=np.float32))
    save_head(head, tmp_path)
    back = load_head(tmp_path)
    assert back is not None
    np.testing.assert_array_equal(back.weight, head.weight)
    np.testing.assert_array_equal(back.bias, head.bias)
