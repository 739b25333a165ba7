from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.data.image_set import digest_of_ids
from mood_sweeps.errors import StageFailed
from mood_sweeps.jobs.join_ensemble import join_banks, join_heads


def drawn(seed: int, width: int) -> tuple[FeatureBank, Head]:
    rng = np.random.default_rng(seed)
    head = Head(
        rng.normal(size=(3, width)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    )
    features = rng.normal(size=(5, width)).astype(np.float32)
    logits = features @ head.weight.T + head.bias
    return FeatureBank(features, np.arange(5), logits), head


def test_logits_are_the_mean_and_features_stand_side_by_side() -> None:
    (first, head), (second, other) = drawn(0, 4), drawn(1, 2)
    joined = join_banks([first, second], join_heads([head, other]))
    np.testing.assert_array_equal(joined.features, np.hstack([first.features, second.features]))
    np.testing.assert_array_equal(joined.labels, first.labels)
    assert first.logits is not None
    assert second.logits is not None
    np.testing.assert_allclose(joined.logits, (first.logits + second.logits) / 2, rtol=1e-5)
    assert joined.features.dtype == joined.logits.dtype == np.float32  # type: ignore[union-attr]


def test_members_of_one_kind_alone_change_nothing_but_their_number() -> None:
    bank, head = drawn(0, 4)
    joined = join_banks([bank] * 3, join_heads([head] * 3))
    assert bank.logits is not None
    np.testing.assert_allclose(joined.logits, bank.logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [[None, None], [None, drawn(0, 4)[1]]])
def test_without_all_heads_there_is_none(heads: list[Head | None]) -> None:
    assert join_heads(heads) is None
    bank, _ = drawn(0, 4)
    assert join_banks([bank, bank], None).logits is None


def test_banks_of_different_images_are_not_joined() -> None:
    features, labels = np.ones((2, 3), np.float32), np.zeros(2, np.int64)
    same, other = (
        FeatureBank(features, labels, ids_digest=digest_of_ids(ids))
        for ids in (("a", "b"), ("b", "a"))
    )
    assert join_banks([same, same], None).ids_digest == same.ids_digest
    with pytest.raises(StageFailed, match="different images"):
        join_banks([same, other], None)
