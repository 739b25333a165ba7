"""Names of stage kinds and roles feed the seeds, so a renamed one would move weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mood_sweeps import identity
from tests.support.small_launches import try_launch

EVERYTHING_THAT_DRAWS = """\
name: seeds
corpus: digits:0-5
axes:
  pretext: [{mim: {target: tokens, epochs: 1, batch_size: 256}}]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune:
    - "pt+ft:outlier_exposure":
        "ft:outlier_exposure": {exposed: digits:6-9, k: 1, epochs: 1, batch_size: 256}
    - {pt+ft: {ft: {epochs: 1, batch_size: 256, tune: {space: {warmup: [0, 0.5]}, samples: 1}}}}
  scorer: [odin]
  seed: [0]
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""

# Never change a name: the weights of every training would move.
SEEDS = {
    (0, "exposure", "6"): 6974155702080909314,
    (0, "exposure", "7"): 379086614697232735,
    (0, "exposure", "8"): 1957014814272531511,
    (0, "exposure", "9"): 4468074805540832484,
    (0, "extract", "global"): 6056619207838743393,
    (0, "finetune", "global"): 3000335239173334966,
    (0, "finetune", "noise"): 8888428381239732580,
    (0, "finetune", "order"): 249386273718213494,
    (0, "live network", "global"): 3003776813114290631,
    (0, "pretrain", "global"): 1996637624219663848,
    (0, "pretrain", "noise"): 1676950397822956238,
    (0, "pretrain", "order"): 6377176470890591068,
    (0, "tokenizer", "global"): 6797102816233886880,
    (0, "tokenizer", "noise"): 2547861820030933764,
    (0, "tokenizer", "order"): 5537314703360906076,
    (0, "tune", "settings"): 1545895775627896871,
}


def test_what_seeds_are_derived_from_never_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[tuple[Any, ...]] = set()
    canonical = identity.canonical

    def watched(value: Any) -> str:
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], int):
            asked.add(tuple(value))
        return canonical(value)

    monkeypatch.setattr(identity, "canonical", watched)
    assert try_launch(EVERYTHING_THAT_DRAWS, tmp_path).launched.failures == []
    assert {names: identity.derive_seed(*names) for names in asked} == SEEDS
