"""What every scorer that asks the network keeps: bounded memory, and a clear word without one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.numeric import image_blocks as images
from mood_sweeps.scorers.numeric.image_blocks import (
    by_images,
    image_blocks,
    mean_over_positions,
    required_logits,
)
from tests.support.recording_network import watched
from tests.support.scorer_cases import make_case

ASKING = sorted(name for name, kind in SCORERS.items() if "network" in kind.needs)
every_asking_scorer = pytest.mark.parametrize("name", ASKING)


def scores(name, train, test, head):
    scorer = SCORERS[name]()
    return scorer.score(scorer.fit(train, head if "head" in scorer.needs else None), test)


def test_the_network_is_asked_by_a_dozen_scorers():
    assert {"odin", "i_odin", "gram", "rankfeat", "nac", "adascale_a"} <= set(ASKING)


@every_asking_scorer
def test_a_bank_without_network_is_refused(name):
    case = make_case()
    scorer = SCORERS[name]()
    head = case.head if "head" in scorer.needs else None
    features_only = [FeatureBank(b.features, b.labels, b.logits) for b in (case.train, case.test)]
    for train in (features_only[0], case.train):
        with pytest.raises(InputError, match="needs the network and its input images"):
            scorer.score(scorer.fit(train, head), features_only[1])


@every_asking_scorer
def test_few_images_are_in_the_network_at_once_and_how_many_changes_nothing(name, monkeypatch):
    case = make_case()
    whole = scores(name, case.train, case.test, case.head)
    monkeypatch.setattr(images, "IMAGES", 7)
    train, test = watched(case.train), watched(case.test)
    few = scores(name, train, test, case.head)
    shown = [len(part) for part in (*train.network.shown, *test.network.shown)]
    assert 0 < max(shown) <= 7
    np.testing.assert_allclose(few, whole, rtol=1e-6, atol=1e-6 * np.abs(whole).max())


def test_as_many_images_as_features():
    case = make_case()
    short = dataclasses.replace(case.test, inputs=case.test.inputs[:50])
    with pytest.raises(InputError, match="200 features need as many images, not 50"):
        by_images(short, lambda rows, _: np.zeros(len(rows)))


def test_blocks_cover_the_bank_in_order():
    bank = make_case().test
    blocks = list(image_blocks(bank))
    assert [rows for rows, _ in blocks] == [slice(0, 128), slice(128, 200)]
    np.testing.assert_array_equal(np.concatenate([part for _, part in blocks]), bank.inputs)


@pytest.mark.parametrize("stride", [1, 3, 128, 500])
def test_every_so_many_rows(stride, monkeypatch):
    monkeypatch.setattr(images, "IMAGES", 7)
    bank = make_case().test
    first = by_images(bank, lambda _, part: part[:, 0, 0, 0].astype(np.float64), stride)
    np.testing.assert_array_equal(first, bank.features[::stride, 0])


def test_what_is_not_finite_is_undefined_without_a_warning():
    bank = make_case().test
    with pytest.raises(Undefined, match="200 of 200 scores"):
        by_images(bank, lambda _, part: np.full(len(part), 1e200) ** 2)


def test_a_network_without_head_has_no_logits():
    with pytest.raises(InputError, match="has no head"):
        required_logits(None)


def test_pooled_is_the_mean_over_positions():
    maps = np.array([[[[1, 2], [3, 6]], [[0, 0], [0, 4]]]], dtype=np.float32)
    np.testing.assert_array_equal(mean_over_positions(maps), [[3, 1]])
