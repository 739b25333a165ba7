from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mood_sweeps.choice import Choice, choose, choose_all, did_you_mean
from mood_sweeps.errors import InputError, Problem


@dataclass(frozen=True)
class Knn:
    version: ClassVar[int] = 3

    k: Annotated[int, Field(gt=0)] = 50
    power: float = 1.0
    norm: Literal["l2", "none"] = "l2"
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Prototype:
    version: ClassVar[int] = 1

    file: str


CATALOGUE = {"knn": Knn, "prototype": Prototype}


def problems(raw: Any) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        choose(raw, CATALOGUE, "scorer")
    return list(caught.value.problems)


def test_a_bare_name_is_all_defaults() -> None:
    for raw in ("knn", {"knn": None}, {"knn": {}}):
        choice = choose(raw, CATALOGUE, "scorer")
        assert choice == Choice("knn", Knn())
        assert choice.label == "knn"
        assert choice.content == {"name": "knn", "version": 3}


def test_parameters_off_their_default_are_in_label_and_content() -> None:
    choice = choose({"knn": {"power": 2, "k": 10, "layers": [3, 4]}}, CATALOGUE, "scorer")
    assert choice.parameters == Knn(k=10, power=2.0, layers=(3, 4))
    assert isinstance(choice.parameters.power, float)
    assert choice.label == "knn(k=10, layers=[3 4], power=2.0)"
    assert choice.content == {
        "name": "knn",
        "version": 3,
        "parameters": {"k": 10, "power": 2.0, "layers": [3, 4]},
    }


@given(st.integers(1, 10**9))
def test_a_default_written_out_is_no_other_choice(k: int) -> None:
    written = choose({"knn": {"k": k, "norm": "l2", "power": 1}}, CATALOGUE, "scorer")
    assert written == choose({"knn": {"k": k}}, CATALOGUE, "scorer")
    assert ("parameters" in written.content) is (k != 50)


def test_a_users_source_is_part_of_the_content_only() -> None:
    choice = Choice("knn", Knn(), digest="ab" * 32)
    assert choice.content["source"] == "ab" * 32
    assert choice.label == "knn"
    assert "abab" not in repr(choice)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    (problem,) = problems("knm")
    assert str(problem) == "unknown scorer 'knm'; did you mean 'knn'? allowed: knn, prototype"


@pytest.mark.parametrize("raw", [3, None, True, ["knn"], {}, {"knn": {}, "x": {}}, {"knn": [1]}])
def test_what_is_no_choice_is_said_so(raw: Any) -> None:
    (problem,) = problems(raw)
    assert "is neither a name nor a name with parameters" in str(problem)


@pytest.mark.parametrize("raw", [{1: {"k": 2}}, {None: None}, {True: {}}])
def test_a_name_that_is_no_text_is_said_so(raw: Any) -> None:
    (problem,) = problems(raw)
    assert "is neither a name nor a name with parameters" in str(problem)


@pytest.mark.parametrize(
    ("given", "inside", "message"),
    [
        ({"kk": 1}, ("knn", "kk"), "has no parameter 'kk'; did you mean 'k'?"),
        ({"k": "ten"}, ("knn", "k"), "valid integer (given: 'ten')"),
        ({"k": 2.5}, ("knn", "k"), "valid integer"),
        ({"k": True}, ("knn", "k"), "valid integer"),
        ({"k": 0}, ("knn", "k"), "greater than 0 (given: 0)"),
        ({"power": float("nan")}, ("knn", "power"), "finite number"),
        ({"power": "1"}, ("knn", "power"), "valid number"),
        ({"norm": "l1"}, ("knn", "norm"), "'l2' or 'none'"),
        ({"layers": [1, "x"]}, ("knn", "layers", 1), "valid integer"),
        ({1: 2}, ("knn",), "string"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_place(
    given: dict[Any, Any], inside: tuple[str | int, ...], message: str
) -> None:
    (problem,) = problems({"knn": given})
    assert message in str(problem)
    assert problem.inside[: len(inside)] == inside


def test_all_wrong_parameters_are_named_at_once() -> None:
    assert len(problems({"knn": {"k": 0, "norm": "l1", "x": 1}})) == 3


def test_a_parameter_without_default_must_be_given() -> None:
    (problem,) = problems("prototype")
    assert "parameter 'file': field required" in str(problem)
    choice = choose({"prototype": {"file": "a"}}, CATALOGUE, "scorer")
    assert choice.label == "prototype(file=a)"


def test_long_lists_of_names_are_cut() -> None:
    assert did_you_mean("x", [f"name{n:03}" for n in range(60)]).endswith("name039, …")
    assert did_you_mean("x", []).endswith("nothing is allowed here")


def labels(raw: Any) -> list[str]:
    return [choice.label for choice in choose_all(raw, CATALOGUE, "scorer")]


def test_a_list_where_one_value_belongs_is_a_grid() -> None:
    assert labels("knn") == ["knn"]
    assert labels({"knn": {"k": [1, 50]}}) == ["knn(k=1)", "knn"]
    assert labels({"knn": {"k": [1, 2], "norm": ["l2", "none"]}}) == [
        "knn(k=1)",
        "knn(k=1, norm=none)",
        "knn(k=2)",
        "knn(k=2, norm=none)",
    ]


def test_a_parameter_that_is_a_list_is_a_grid_by_a_list_of_lists() -> None:
    assert labels({"knn": {"layers": [1, 2]}}) == ["knn(layers=[1 2])"]
    assert labels({"knn": {"layers": [[1], [1, 2]]}}) == ["knn(layers=[1])", "knn(layers=[1 2])"]
    assert labels({"knn": {"layers": []}}) == ["knn"]


def test_problems_of_a_grid_are_told_once_at_their_place_in_the_list() -> None:
    raw = {"knn": {"k": [1, 0, "x"], "power": [1.0, 2.0], "typo": 1}}
    with pytest.raises(InputError) as caught:
        choose_all(raw, CATALOGUE, "scorer")
    assert sorted(problem.inside for problem in caught.value.problems) == [
        ("knn", "k", 1),
        ("knn", "k", 2),
        ("knn", "typo"),
    ]


def test_an_empty_grid_is_refused() -> None:
    with pytest.raises(InputError, match="'k': an empty list gives it no value"):
        choose_all({"knn": {"k": []}}, CATALOGUE, "scorer")
