"""A training that learned nothing, in a whole launch: every row behind it has a note, no other."""

from __future__ import annotations

from pathlib import Path

from mood_sweeps.note import doubts_in, parts_of
from mood_sweeps.store import Ref
from tests.support.small_launches import try_launch

NOTHING_LEARNT = """\
name: doubtful
ensemble: true
axes:
  pretext: [random, {mim: {epochs: 2, learning_rate: 0.3}}]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune:
    - pt
    - {pt+ft: {ft: {epochs: 1, learning_rate: 1.0e-12}}}
  scorer: [msp, knn]
  seed: [0, 1]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""
TUNED = """\
name: tuned
axes:
  pretext: [random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune:
    - pt+ft:
        ft:
          epochs: 2
          tune: {space: {learning_rate: [1.0e-12, 1.0e-11]}, samples: 2, grace: 1, reduction: 2}
  scorer: [knn]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""


def test_every_row_behind_a_training_that_learned_nothing_has_a_note(tmp_path: Path) -> None:
    tried = try_launch(NOTHING_LEARNT, tmp_path)
    assert tried.launched.exit_code == 0
    frame = tried.launched.results().frame()
    doubts_by_row = {
        (row.pretext.partition("(")[0], row.finetune.partition("(")[0], row.seed is not None): [
            parts_of(doubt) for doubt in doubts_in(row.note)
        ]
        for row in frame.astype({"seed": object}).where(frame.notna(), None).itertuples()
    }
    assert doubts_by_row["random", "pt", True] == []
    for (pretext, finetune, is_single), doubts in doubts_by_row.items():
        trainings = 1 if is_single else 2
        expected = trainings * ((pretext == "mim") + finetune.startswith("pt+ft"))
        assert len(doubts) == expected, (pretext, finetune)
    (blown_up,) = doubts_by_row["mim", "pt", True]
    assert blown_up[0].startswith("mim(epochs=2, learning_rate=0.3) · vit_nano")
    assert blown_up[1].startswith("the loss blew up (")
    ((_, finding),) = doubts_by_row["random", "pt+ft", True]
    assert finding.startswith("validation accuracy ")
    assert finding.endswith(", and the weights did not move")


def test_banks_inherit_the_doubts_of_their_checkpoint(tmp_path: Path) -> None:
    tried = try_launch(NOTHING_LEARNT, tmp_path)
    store = tried.store
    (row, *_) = tried.query(
        "select representation_key from results where pretext like 'mim%' and finetune like 'pt+%'"
    )
    checkpoint = store.manifest(Ref("finetune", row[0]))
    assert len(checkpoint.doubts) == 2
    banks = [store.manifest(ref) for ref in store.refs("extract")]
    its_banks = [bank for bank in banks if bank.origin.content["checkpoint"] == row[0]]
    assert its_banks
    assert all(bank.doubts == checkpoint.doubts for bank in its_banks)


def test_the_winner_among_settings_that_all_learn_nothing_has_a_note(tmp_path: Path) -> None:
    tried = try_launch(TUNED, tmp_path)
    assert tried.launched.exit_code == 0
    ((note,),) = tried.query("select note from results")
    ((_, finding),) = [parts_of(doubt) for doubt in doubts_in(note)]
    assert finding.endswith("the weights did not move")
