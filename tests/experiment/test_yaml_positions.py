from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.experiment.yaml12 import to_yaml
from mood_sweeps.experiment.yaml_positions import parse

TEXT = """\
a: 1            # line 1
b:
  - x
  - {c: 2,
     d: [3, 4]}
e: &shared
  f: 5
g:
  <<: *shared
  h: 6
i: *shared
"""


def test_every_path_has_its_line() -> None:
    located = parse(TEXT, "file.yaml")
    assert located.value == {
        "a": 1,
        "b": ["x", {"c": 2, "d": [3, 4]}],
        "e": {"f": 5},
        "g": {"h": 6, "f": 5},
        "i": {"f": 5},
    }
    lines = {path: located.place(path).line for path in located.places}
    assert lines == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "d"): 5,
        ("b", 1, "d", 0): 5,
        ("b", 1, "d", 1): 5,
        ("e",): 6,
        ("e", "f"): 7,
        ("g",): 8,
        ("g", "f"): 7,
        ("g", "h"): 10,
        ("i",): 11,
        ("i", "f"): 7,
    }


def test_a_path_without_a_place_has_the_place_of_the_value_around_it() -> None:
    located = parse(TEXT, "file.yaml")
    assert located.place(("b", 1, "nothing", "here")).text == "file.yaml:4"
    assert located.place(("nothing",)).text == "file.yaml:1"


def test_own_keys_win_over_merged_ones_and_earlier_merges_over_later_ones() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\n"
    assert parse(text, "f").value["z"] == {"a": 1, "b": 1, "c": 3}


def test_of_a_duplicate_key_the_first_counts_and_the_second_is_a_flaw() -> None:
    located = parse("a: 1\nb: 2\na: 3\n", "f")
    assert located.value == {"a": 1, "b": 2}
    assert [(place.text, message) for place, message in located.flaws] == [
        ("f:3", "the key 'a' is given twice")
    ]


def test_a_key_that_is_not_text_is_a_flaw() -> None:
    located = parse("1: a\n[b]: c\nd: e\n", "f")
    assert located.value == {"d": "e"}
    assert [place.line for place, _ in located.flaws] == [1, 2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("5E4", 5e4),
        (".5", 0.5),
        ("-2.", -2.0),
        ("+7", 7),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("9223372036854775807", 2**63 - 1),
        ("-.inf", -math.inf),
        ("on", "on"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("2024-01-11", "2024-01-11"),
        ("digits:6-9", "digits:6-9"),
        ("1_000", "1_000"),
        ("True", True),
        ("~", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!float 1", 1.0),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    read = parse(f"a: {text}", "f").value["a"]
    assert read == value
    assert type(read) is type(value)


def test_nan_is_read_as_a_number() -> None:
    assert math.isnan(parse("a: .nan", "f").value["a"])


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))
    | st.from_regex(r"\A[-+.0-9eExo:_]{1,6}\Z")
    | st.sampled_from(["yes", "on", "null", "~", "true", "<<", "1e3", "0x1", "=", "1:30"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<1e-", max_size=3), inner)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_written_values_are_read_back(value: Any) -> None:
    located = parse(to_yaml({"value": value}), "f")
    assert located.value == {"value": value}
    assert not located.flaws


@given(st.dictionaries(st.text("abc", min_size=1), st.lists(st.integers(-99, 99)), min_size=1))
def test_plain_documents_have_the_values_that_pyyaml_reads(value: Any) -> None:
    text = yaml.safe_dump(value)
    assert parse(text, "f").value == yaml.safe_load(text)
