"""``--scorers``: names and parameters as tables show them, read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.choose_scorers import choose_scorers, parse_scorers
from mood_sweeps.external_features.problems import InputProblems


@dataclass(frozen=True)
class Plain:
    version: ClassVar[int] = 1


@dataclass(frozen=True)
class Near:
    version: ClassVar[int] = 1
    k: Annotated[int, Field(gt=0)] = 50
    scale: float = 1.0
    dim: int | None = 7
    metric: Literal["l2", "cosine"] = "l2"
    unit: bool = True
    steps: tuple[int, ...] = (1, 2)


CATALOGUE = {"plain": Plain, "near": Near, "near@tool": Near}


def chosen(wanted) -> list[str]:
    input_problems = InputProblems()
    choices = choose_scorers(wanted, CATALOGUE, input_problems)
    input_problems.raise_any()
    return [choice.label for choice in choices]


def test_text_is_read_as_tables_show_it():
    assert parse_scorers("msp, vim@moodv2 ,knn(k=10)") == ["msp", "vim@moodv2", {"knn": {"k": 10}}]
    assert parse_scorers("a(x=1e-4, y=None,z=true , w=cosine)") == [
        {"a": {"x": 1e-4, "y": None, "z": True, "w": "cosine"}}
    ]
    assert parse_scorers("a(x=[1 2.5], y=[[1, 2], [3]])") == [
        {"a": {"x": [1, 2.5], "y": [[1, 2], [3]]}}
    ]
    assert parse_scorers("a()") == [{"a": {}}]


def test_all_is_every_entry_and_lists_are_grids():
    assert chosen("all") == ["plain", "near", "near@tool"]
    assert chosen("all,near(k=3)") == ["plain", "near", "near@tool", "near(k=3)"]
    assert chosen("near(k=[1 10])") == ["near(k=1)", "near(k=10)"]
    assert chosen(["plain", {"near": {"k": 1}}, "near@tool(k=2),near(k=3)"]) == [
        "plain",
        "near(k=1)",
        "near@tool(k=2)",
        "near(k=3)",
    ]


parameters = st.builds(
    Near,
    k=st.integers(1, 10**6),
    scale=st.floats(allow_nan=False, allow_infinity=False),
    dim=st.none() | st.integers(-5, 5),
    metric=st.sampled_from(["l2", "cosine"]),
    unit=st.booleans(),
)


@given(
    st.lists(parameters, min_size=1, max_size=3, unique_by=lambda near: Choice("near", near).label)
)
def test_every_label_is_read_back_as_what_it_shows(nears):
    labels = [Choice("near", near).label for near in nears]
    input_problems = InputProblems()
    choices = choose_scorers(",".join(labels), CATALOGUE, input_problems)
    input_problems.raise_any()
    assert [choice.parameters for choice in choices] == nears
    assert [choice.label for choice in choices] == labels


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("plian", "scorers: unknown scorer 'plian'; did you mean 'plain'"),
        ("near@tol", "did you mean 'near@tool'"),
        ("near(kk=1)", "has no parameter 'kk'; did you mean 'k'"),
        ("near(k=0)", "greater than 0"),
        ("near(k=three)", "valid integer"),
        ("near(k=nan)", "parameter 'k'"),
        ("near(scale=inf)", "finite"),
        ("near(k=1", "brackets"),
        ("near(k=[1)", "brackets"),
        ("near)k=1(", "brackets"),
        ("near(k=1)x", "a comma comes between"),
        ("near(k)", "gives a parameter no value"),
        ("near(k=)", "gives a parameter no value"),
        ("near(k=[])", "no value"),
        ("outlier_exposure", "scorers: .* a way to train.*fine-tune by 'ft:outlier_exposure'"),
        ([{"outlier_exposure": {"k": 3}}], "scorers: .* a way to train"),
        ("plain,plain", "'plain' is listed twice"),
        ("all,near", "'near' is listed twice"),
        ("near(k=50),near", "'near' is listed twice"),
        ("", "no scorer is named"),
        (" , ", "no scorer is named"),
        ([], "no scorer is named"),
        ([3], "neither a name nor"),
    ],
)
def test_what_cannot_be_read_is_said(wanted, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        chosen(wanted)


def test_a_scorer_of_ones_own_may_have_the_name_of_what_is_none_here():
    input_problems = InputProblems()
    (choice,) = choose_scorers("outlier_exposure", {"outlier_exposure": Plain}, input_problems)
    input_problems.raise_any()
    assert choice.parameters == Plain()


def test_everything_wrong_is_said_at_once():
    with pytest.raises(InputError) as raised:
        chosen("plian,near(kk=1),near(k=0)")
    assert len(raised.value.problems) == 3
