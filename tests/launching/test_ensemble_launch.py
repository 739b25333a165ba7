"""Ensembles in a whole launch: rows beside those of their members, from the same banks."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from mood_sweeps.aggregation.distinct_cells import ensemble_sizes, single_networks
from mood_sweeps.errors import InputError
from mood_sweeps.metrics import auroc
from mood_sweeps.store import Ref, Store
from mood_sweeps.store.codecs import load_bank
from tests.support.small_launches import plan_in, try_launch

JOINED = """\
name: joined
ensemble: true
axes:
  pretext: [{classification: {epochs: 1, batch_size: 256}}, random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt]
  scorer: [msp, knn, vim, odin]
  seed: [1, 0]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""
MEMBERS = "classification(batch_size=256, epochs=1)"


def test_an_ensemble_is_one_more_row_without_a_seed(tmp_path: Path) -> None:
    plan = plan_in(JOINED, tmp_path)
    counts = plan.stage_counts()
    # For each pretext task a head (or none), and the banks of train, test and OOD.
    assert counts["ensemble"] == 2 * (1 + 3)
    assert counts["pretrain"] == 4
    several = "needs the network: an ensemble has several"
    assert sum(count for rule, count in plan.removed.items() if rule.endswith(several)) == 2
    tried = try_launch(JOINED, tmp_path)
    assert tried.launched.exit_code == 0
    frame = tried.launched.results().frame()
    joined = frame[frame["finetune"] == "pt × 2 seeds"]
    assert joined["seed"].isna().all()
    assert single_networks(frame)["seed"].notna().all()
    assert ensemble_sizes(frame) == [2]
    assert set(zip(joined["pretext"], joined["scorer"], strict=True)) == {
        (MEMBERS, "msp"),
        (MEMBERS, "knn"),
        (MEMBERS, "vim"),
        ("random", "knn"),
    }
    auroc_by_row = joined.set_index(["pretext", "scorer"])["auroc"]
    banks = {
        (item.seed, at): load_bank(tried.store.folder(bank.ref))
        for item in tried.launched.plan.representations
        if item.pretext == MEMBERS and item.seed is not None
        for at, bank in item.banks.items()
    }

    def confidence(at: tuple[str, str]) -> np.ndarray:
        mean = (banks[0, at].logits + banks[1, at].logits) / 2
        return softmax(mean.astype(np.float64), axis=1).max(axis=1)

    expected = auroc(confidence(("digits:0-5", "test")), confidence(("digits:6-9", "all")))
    assert auroc_by_row[MEMBERS, "msp"] == pytest.approx(expected, abs=1e-4)
    assert set(joined["id_accuracy_from"]) == {"head", "nearest class mean"}
    assert try_launch(JOINED, tmp_path).launched.stages_run == 0


def test_existing_members_are_not_made_again(tmp_path: Path) -> None:
    alone = try_launch(JOINED.replace("ensemble: true\n", ""), tmp_path)
    assert "ensemble" not in Counter(ref.kind for ref in all_refs(alone.folder))
    added = try_launch(JOINED, tmp_path)
    # 8 ensemble objects; for each of four cells a fit, two scores and an evaluation.
    assert added.launched.exit_code == 0
    assert added.launched.cells == {"done": len(added.launched.plan.cells)}
    kinds = Counter(ref.kind for ref in all_refs(added.folder))
    assert kinds["ensemble"] == 8
    assert kinds["pretrain"] == 4


def test_an_ensemble_with_an_empty_store_is_made_from_the_start(tmp_path: Path) -> None:
    before = try_launch(JOINED, tmp_path).rows()
    shutil.rmtree(tmp_path / "store" / "objects")
    (tmp_path / "results.db").unlink()
    again = try_launch(JOINED.replace("[msp, knn, vim, odin]", "[msp]"), tmp_path)
    assert again.launched.exit_code == 0
    assert len(again.rows()) == 3 < len(before)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ensemble: 3", "'ensemble' is true or false, not the number 3"),
        ("ensemble: yes please", "'ensemble' is true or false, not the text 'yes please'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        plan_in(JOINED.replace("ensemble: true", line), tmp_path)
    assert ":2" in str(raised.value)


def test_an_ensemble_of_one_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'seed' lists one"):
        plan_in(JOINED.replace("seed: [1, 0]", "seed: [0]"), tmp_path)


def all_refs(folder: Path) -> Iterator[Ref]:
    store = Store(folder / "store")
    for kind in ("pretrain", "extract", "ensemble"):
        yield from store.refs(kind)
