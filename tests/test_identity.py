from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.identity import canonical, derive_seed, file_digest, key_of, non_default_fields

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reversed_keys(value[name]) for name in reversed(list(value))}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: as_tuples(item) for name, item in value.items()})
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


@given(values)
def test_the_canonical_form_is_json_that_says_the_same(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(values)
def test_the_order_of_keys_and_the_kind_of_container_do_not_matter(value: Any) -> None:
    assert key_of(reversed_keys(value)) == key_of(value) == key_of(as_tuples(value))


@given(values, values)
def test_two_values_share_a_key_exactly_when_they_say_the_same(one: Any, other: Any) -> None:
    # repr tells True from 1 and 1 from 1.0, which == does not.
    same = repr(in_order(one)) == repr(in_order(other))
    assert (key_of(one) == key_of(other)) is same


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def test_the_canonical_form_is_pinned() -> None:
    value = OrderedDict([("b", (1, 1.0, True, None)), ("a", {"é": 1e-5})])
    assert canonical(value) == '{"a":{"\\u00e9":1e-05},"b":[1,1.0,true,null]}'
    assert key_of(value) == hashlib.sha256(canonical(value).encode()).hexdigest()


def test_an_int_and_a_float_are_different_values() -> None:
    assert len({key_of(1), key_of(1.0), key_of(True), key_of("1")}) == 4


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"a": [0.0, math.nan]}, ValueError, r"value\.a\[1\] is nan"),
        ({"a": {"b": -math.inf}}, ValueError, r"value\.a\.b is -inf"),
        ([{}, {"a": object()}], TypeError, r"value\[1\]\.a is a object"),
        ({"a": {1: "x"}}, TypeError, r"value\.a has the key 1"),
        ({"a": {1, 2}}, TypeError, r"value\.a is a set"),
        ({"a": b"bytes"}, TypeError, r"value\.a is a bytes"),
        ([np.int64(3)], TypeError, r"value\[0\] is a int64"),
        ([np.zeros(2)], TypeError, r"value\[0\] is a ndarray"),
        ([Path("x")], TypeError, r"value\[0\] is a PosixPath"),
    ],
)
def test_what_has_no_reproducible_form_is_refused_by_its_place(
    value: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        canonical(value)


def test_seeds_are_pinned_and_apart() -> None:
    assert (
        derive_seed(0, "pretrain", "order")
        == int.from_bytes(hashlib.sha256(b'[0,"pretrain","order"]').digest()[:8], "big") // 2
    )
    seeds = {
        derive_seed(seed, kind, role)
        for seed in range(50)
        for kind in ("pretrain", "finetune")
        for role in ("order", "noise", "global")
    }
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)


@given(st.integers(0, 2**63 - 1), st.text(), st.text())
def test_a_seed_is_a_function_of_its_three_parts(seed: int, kind: str, role: str) -> None:
    assert derive_seed(seed, kind, role) == derive_seed(seed, kind, role)
    assert 0 <= derive_seed(seed, kind, role) < 2**63


@dataclass(frozen=True)
class Before:
    k: int
    ratio: float = 0.5
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class After:
    k: int
    ratio: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    added: str = "as before"
    listed: list[int] = field(default_factory=lambda: [3])


@given(st.integers(), st.floats(0, 1), st.lists(st.integers(), max_size=3).map(tuple))
def test_a_field_added_at_its_default_keeps_every_key(
    k: int, ratio: float, sizes: tuple[int, ...]
) -> None:
    before = non_default_fields(Before(k, ratio, sizes))
    assert key_of(before) == key_of(non_default_fields(After(k, ratio, sizes)))
    assert key_of(before) != key_of(non_default_fields(After(k, ratio, sizes, "otherwise")))
    assert key_of(before) != key_of(non_default_fields(After(k, ratio, sizes, listed=[4])))


def test_only_fields_off_their_default_are_listed() -> None:
    assert non_default_fields(Before(1)) == {"k": 1}
    assert non_default_fields(Before(1, 0.25, ())) == {"k": 1, "ratio": 0.25, "sizes": []}


def test_a_files_digest_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert file_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()
