"""Every score function against an independent implementation of its formula."""

from __future__ import annotations

import pytest

from mood_sweeps.scorers import SCORERS
from tests.support.scorer_cases import make_case
from tests.support.scorer_references.compare import TABLE, deviation, references


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", sorted(SCORERS))
def test_agrees_with_an_independent_implementation(name, seed):
    reference = references().get(name)
    assert reference, f"{name!r} has no reference: add one to tests/support/scorer_references"
    found = deviation(name, reference, make_case(seed=seed))
    assert found.largest <= reference.relative
    assert found.ranks >= reference.exact_ranks


def test_every_reference_is_of_a_scorer_in_the_catalogue():
    assert set(references()) <= set(SCORERS)


def test_the_documented_table_names_exactly_the_catalogue():
    parity = TABLE.read_text().partition("<!-- parity -->")[2]
    rows = [line for line in parity.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(SCORERS), (
        "docs/scorers.md is out of date: run python -m tests.support.scorer_references.compare"
    )
