"""Whatever a plugin does, every number of ours is what it is without it, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mood_sweeps.data.catalogue import image_set
from tests.support.command_line import Driven, mood_sweep
from tests.support.misbehaving_plugins import MISBEHAVING, sources
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

SWEEP = """\
name: ours
axes:
  pretext: [{classification: {epochs: 1}}]
  backbone: [vit_nano]
  finetune: [pt]
  scorer: [msp, energy, react, mahalanobis, knn, vimSCORERS]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""
OURS = ("msp", "energy", "react", "mahalanobis", "knn", "vim")
FILES = (
    ("train.npz", "digits:0-5", "train"),
    ("test.npz", "digits:0-5", "test"),
    ("near.npz", "digits:6-9", "all"),
)
LIMIT = ("--plugin-timeout", "10")


def write_sweep(folder: Path, *, with_plugins: bool) -> None:
    scorers = "".join(f", {name}" for name in MISBEHAVING) if with_plugins else ""
    text = SWEEP.replace("SCORERS", scorers)
    if with_plugins:
        text += f"plugins: [{', '.join(sources(folder))}]\n"
    (folder / "sweep.yaml").write_text(text)


def ours(facts: Facts) -> list[tuple[object, ...]]:
    return [row for row in facts.numbers() if row[5] in OURS]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_sweep(folder, with_plugins=False)
    code, output = mood_sweep(folder, "launch", "sweep.yaml", "--no-mlflow", "--executor", "inline")
    assert code == 0, output
    return Facts(folder / ".mood")


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_a_launch_with_misbehaving_plugins_gives_our_numbers_and_names_each_fault(
    undisturbed: Facts, tmp_path: Path, executor: str
) -> None:
    write_sweep(tmp_path, with_plugins=True)
    arguments = ("launch", "sweep.yaml", "--no-mlflow", "--executor", executor, *LIMIT)
    with Driven(tmp_path, *arguments) as driven:
        assert driven.wait(900) == 1, driven.output
        output = driven.output
    facts = Facts(tmp_path / ".mood")
    assert ours(facts) == ours(undisturbed)
    assert len(ours(facts)) == 2 * len(OURS)
    assert facts.digests() == undisturbed.digests()
    assert "Internal" not in output
    assert len(output) < 200_000

    rows = facts.rows("select scorer, status, reason, auroc from results")
    for name, plugin in MISBEHAVING.items():
        mine = [row[1:] for row in rows if row[0] == name]
        assert len(mine) == 2
        for status, reason, auroc in mine:
            if plugin.says is None:
                assert (status, reason) == ("done", None), (name, reason)
                assert 0.0 <= auroc <= 1.0
            else:
                assert status == "failed", (name, status, reason)
                assert plugin.says in reason, (name, reason)
                assert f"{name}_plugin.py:" in reason, (name, reason)
                assert f"'{name}'" in reason, (name, reason)
                assert len(reason) < 3_000
    texts = facts.rows("select error, traceback from attempts")
    assert all(len(text or "") < 30_000 for row in texts for text in row)
    # No line of a plugin was tried twice: whatever it did, that was its answer.
    calls = facts.rows("select call_key, count(*) from attempts group by call_key")
    assert {count for _, count in calls} == {1}
    # The relaunch without them finds every number there.
    write_sweep(tmp_path, with_plugins=False)
    code, output = mood_sweep(tmp_path, *arguments[:3])
    assert code == 0, output
    assert "0 stages run" in output


def test_score_with_misbehaving_plugins_gives_our_numbers(tmp_path: Path) -> None:
    for file, name, split in FILES:
        images = image_set(name).open(split)
        features = images.images.reshape(len(images), -1).astype(np.float32)
        np.savez(tmp_path / file, features=features, labels=images.labels)
    files = ("--id-train", "train.npz", "--id-test", "test.npz", "--ood", "near=near.npz")
    alone = ("score", *files, "--scorers", "mahalanobis,knn,kmeans", "--out", "alone")
    assert mood_sweep(tmp_path, *alone)[0] == 0
    names = sources(tmp_path)
    plugins = [text for name in names for text in ("--plugin", name)]
    scorers = ",".join((*MISBEHAVING, "mahalanobis", "knn", "kmeans"))
    disturbed = ("score", *files, *plugins, "--scorers", scorers, "--out", "disturbed", *LIMIT)
    code, output = mood_sweep(tmp_path, *disturbed)
    assert code == 1, output
    assert len(output) < 200_000
    before, after = (
        pd.read_parquet(tmp_path / out / "scores.parquet") for out in ("alone", "disturbed")
    )
    after = after[after["scorer"].isin(("mahalanobis", "knn", "kmeans"))].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, before, check_exact=True)
