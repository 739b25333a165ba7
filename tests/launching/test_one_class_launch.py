"""One-class fine-tuning in a whole launch: a head with more outputs than there are classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.small_launches import try_launch

ONE_CLASS = """\
name: one_class
corpus: digits:0-5
axes:
  pretext: [random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt, {pt+ft:one_class: {ft:one_class: {epochs: 1}}}]
  scorer: [msp, mahalanobis]
  seed: [0]
pairs:
  - {id: digits:1, near: [digits:6-9], far: [gaussian]}
"""


def test_every_accepted_image_is_predicted_as_the_one_class(tmp_path: Path) -> None:
    tried = try_launch(ONE_CLASS, tmp_path)
    assert tried.launched.exit_code == 0
    frame = tried.launched.results().frame()
    assert np.isfinite(frame["auroc"]).all()
    tuned = frame[frame["finetune"] != "pt"]
    assert len(tuned) == 4
    assert set(tuned["id_accuracy"]) == {1.0}
    assert set(tuned["id_accuracy_from"]) == {"head"}
    confused = tried.launched.results().confusions()
    assert set(confused["id_class"]) == {"1"}
