"""What a scorer needs and something lacks, in words."""

from __future__ import annotations

import pytest

from mood_sweeps.scorers import SCORERS
from mood_sweeps.scoring.requirements import (
    Lacks,
    ensemble_lacks,
    external_lacks,
    learns_from,
    missing,
    trained_lacks,
)

EVERYTHING = trained_lacks(has_head=True, has_detector=True, has_decoder=True)
HEADLESS = trained_lacks(has_head=False)
BARE = {"labels": "labels: a.npz has no labels", "logits": "logits: a.npz has no logits"}


@pytest.mark.parametrize("name", SCORERS)
def test_where_nothing_is_lacking_every_scorer_can_score(name: str) -> None:
    assert missing(SCORERS[name](), EVERYTHING, {}, [{}]) is None


@pytest.mark.parametrize("name", SCORERS)
def test_every_need_that_nothing_meets_is_named(name: str) -> None:
    scorer = SCORERS[name]()
    found = missing(scorer, external_lacks(has_head=False), BARE, [BARE])
    # The labels of the bank that it learns from are nothing to a scorer that learns nothing.
    lacking = [need for need in scorer.needs if need != "labels" or not scorer.learns_nothing]
    assert (found is None) == (not lacking)
    assert all(any(f"needs {a}{need}: " in found for a in ("", "a ", "the ")) for need in lacking)


@pytest.mark.parametrize(
    ("name", "lacks", "said"),
    [
        ("msp", HEADLESS, "the scorer needs a head: the representation is headless"),
        ("vim", HEADLESS, "the scorer needs a head: the representation is headless"),
        ("knn", HEADLESS, None),
        (
            "gram",
            ensemble_lacks(has_head=True),
            "the scorer needs the network: an ensemble has several",
        ),
        ("reconstruction", HEADLESS, "a decoder: pt of mim, mae and simmim alone has one"),
        (
            "ash_s@pytorch_ood",
            external_lacks(has_head=True),
            "the scorer needs the network: features come without one; "
            "ash_s_pooled@pytorch_ood is its form for pooled features",
        ),
    ],
)
def test_what_a_representation_lacks(name: str, lacks: Lacks, said: str | None) -> None:
    found = missing(SCORERS[name](), lacks)
    assert found == said or (said and found and found.endswith(said))


def test_banks_to_be_scored_need_logits_and_no_labels() -> None:
    said = "the scorer needs logits: a.npz has no logits"
    assert missing(SCORERS["msp"](), {}, {}, [{}, BARE]) == said
    assert missing(SCORERS["mahalanobis"](), {}, {}, [{}, BARE]) is None


def test_a_scorer_learns_from_the_split_it_asks_for_or_from_train() -> None:
    asks = SCORERS["kl_matching@openood"]()
    assert learns_from(asks, ("train", "val", "test")) == ("val", "")
    split, note = learns_from(asks, ("train", "test"))
    assert (split, note) == ("train", "fitted on ID train: there is no ID validation set")
    assert learns_from(SCORERS["knn"](), ("train", "test")) == ("train", "")
