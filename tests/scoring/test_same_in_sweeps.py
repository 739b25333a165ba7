"""A sweep over features and `score_features` on the same files: one engine, one set of words."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

import mood_sweeps as ms
from mood_sweeps.metrics import METRICS
from mood_sweeps.scorers import SCORERS
from tests.support.external_feature_cases import arrays_of, write_sets
from tests.support.small_launches import Tried, try_launch

EXPERIMENT = """\
name: mine
features:
  - name: beit
    id: {name: pets, train: train.npz, test: test.npz}
    near: {foxes: near.npz}
    far: {noise: far.npz}
plugins: [mine.py]
"""
HEAD = "    head: head.npz\n"
PLUGIN = """\
import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Mine:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels",)
    trouble: str = "none"

    def fit(self, bank, head):
        if self.trouble == "fit":
            raise ArithmeticError("a stone in the way")
        return {"mean": bank.features.mean(axis=0)}

    def score(self, state, bank):
        if self.trouble == "crash" and len(bank) == 45:
            os._exit(3)
        if self.trouble == "shape":
            return np.zeros(3)
        scores = -((bank.features - state["mean"]) ** 2).sum(axis=1)
        if self.trouble == "hole" and len(bank) == 40:
            scores[7] = np.nan
        return scores

    def notes(self, state, bank):
        return (f"of {len(bank)} images",)


SCORERS = {"mine": Mine}
"""
TROUBLES = ["none", "fit", "crash", "shape", "hole"]
OWN = [{"mine": {"trouble": TROUBLES}}, {"knn": {"k": 500}}]  # no 500-th neighbour
SETS = ("train", "test", "near", "far")


def scored(folder: Path, scorers: list[object], head: bool) -> pd.DataFrame:
    files = {name: str(folder / f"{name}.npz") for name in SETS}
    frame = ms.score_features(
        files["train"],
        files["test"],
        {"foxes": files["near"], "noise": files["far"]},
        head=str(folder / "head.npz") if head else None,
        scorers=scorers,
        plugins=["mine.py"],
        threads=1,
    )
    return frame.set_index(["scorer", "ood"]).sort_index()


def swept(folder: Path, scorers: list[object], head: bool) -> Tried:
    text = EXPERIMENT.replace("    near:", f"{HEAD}    near:") if head else EXPERIMENT
    lines = [
        f"    - {scorer}" if isinstance(scorer, dict) else f'    - "{scorer}"' for scorer in scorers
    ]
    return try_launch("\n".join([text + "axes:", "  scorer:", *lines, ""]), folder)


def failed_cells(folder: Path) -> dict[tuple[str, str], str]:
    """Return why cells failed, by scorer and OOD set."""
    with closing(sqlite3.connect(folder / "results.db")) as database:
        rows = database.execute(
            "select scorer, ood_set, reason from cells where status = 'failed'"
        ).fetchall()
    return {(scorer, ood): reason for scorer, ood, reason in rows}


def same(one: object, other: object) -> bool:
    """Whether two values of a cell are equal to the bit; what is missing equals what is missing."""
    if pd.isna(one) or pd.isna(other):
        return bool(pd.isna(one) and pd.isna(other))
    return one == other


@pytest.mark.parametrize("case", ["head", "no head", "no labels", "labels in another order"])
def test_every_number_note_and_reason_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    arrays = arrays_of()
    if case == "no labels":
        del arrays["train"]["labels"], arrays["test"]["labels"]
    if case == "labels in another order":
        arrays["train"]["labels"] = (arrays["train"]["labels"] + 1) % 3
    write_sets(tmp_path, arrays)
    Path("mine.py").write_text(PLUGIN)
    some = ["msp", "knn", "vim@moodv2", "kl_matching@openood", "she", "odin", "ash_s@pytorch_ood"]
    scorers = [*(SCORERS if case == "head" else some), *OWN]
    has_head = case != "no head"
    tried = swept(tmp_path, scorers, has_head)
    found = tried.launched.results().frame().set_index(["scorer", "ood_set"])
    expected = scored(tmp_path, scorers, has_head)

    lacking = expected[expected["reason"].astype(str).str.startswith("the scorer needs")]
    assert tried.launched.plan.removed == lacking["reason"].value_counts().to_dict()
    failed = expected[expected["reason"].astype(str).str.startswith("failed: ")]
    assert len(failed) == (5 if case != "no labels" else 0)
    assert failed_cells(tmp_path) == failed["reason"].str.removeprefix("failed: ").to_dict()

    rest = expected.drop([*lacking.index, *failed.index])
    found = found.drop(failed.index)
    assert set(found.index) == set(rest.index)
    columns = [*METRICS, "n_id", "n_ood", "reason", "note"]
    different = {
        (at, column): (row[column], found.loc[at, column])
        for at, row in rest.iterrows()
        for column in columns
        if not same(row[column], found.loc[at, column])
    }
    assert not different
    assert set(rest.loc[rest["reason"].isna(), "auroc"].isna()) == {False}
    assert rest.loc[("knn(k=500)", "foxes"), "reason"].startswith("there is no 500-th neighbour")
    assert math.isnan(rest["oscr"].max()) == (case == "no labels")
