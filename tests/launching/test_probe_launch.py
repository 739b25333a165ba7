"""A linear probe in a whole launch: a headless representation gets scores that need a head."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.small_launches import try_launch

PROBED = """\
name: probed
corpus: digits:0-5
axes:
  pretext: [random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt, pt+probe, {pt+probe: {probe: {c: 0.001}}}]
  scorer: [msp, knn]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""


def test_a_probed_representation_has_a_head_and_the_same_features(tmp_path: Path) -> None:
    tried = try_launch(PROBED, tmp_path)
    assert tried.launched.exit_code == 0
    assert tried.launched.cells == {"done": 5}
    frame = tried.launched.results().frame()
    assert set(zip(frame["finetune"], frame["scorer"], strict=True)) == {
        ("pt", "knn"),
        ("pt+probe", "knn"),
        ("pt+probe", "msp"),
        ("pt+probe(c=0.001)", "knn"),
        ("pt+probe(c=0.001)", "msp"),
    }
    # The features equal those of `pt`, so a score of features alone is equal too.
    assert len(set(frame.loc[frame["scorer"] == "knn", "auroc"])) == 1
    accuracy = frame.groupby("finetune")["id_accuracy"].first()
    assert accuracy["pt+probe"] > accuracy["pt+probe(c=0.001)"]
    assert set(frame.loc[frame["finetune"] != "pt", "id_accuracy_from"]) == {"head"}
    assert np.isfinite(frame["auroc"]).all()
    assert try_launch(PROBED, tmp_path).launched.stages_run == 0
