"""mood-sweep score: one command from files of features to the table."""

from __future__ import annotations

import csv
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.metrics import roc_auc_score

from mood_sweeps.metrics import METRICS
from mood_sweeps.scorers import SCORERS

D, C = 10, 3
FILES = ("--id-train", "train.npz", "--id-test", "test.npz")
OODS = ("--ood", "near=near.npz", "--ood", "far=far.npz")
HEADER = f"scorer,ood,{','.join(METRICS)},n_id,n_ood,seconds,reason,note"

PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class First:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    scale: float = 1.0

    def fit(self, train, head):
        return {}

    def score(self, state, bank):
        if self.scale == 0:
            raise ArithmeticError("stumbled over a stone")
        return self.scale * bank.features[:, 0]

SCORERS = {"first": First}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with train, val, test, near and far as npz, and the head."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(C, D)) * 2
    for name, n, spread, shift in (
        ("train", 150, 1, 0),
        ("val", 50, 1, 0),
        ("test", 60, 1, 0),
        ("near", 55, 0.6, 0),
        ("far", 40, 0, 4),
    ):
        labels = np.concatenate([np.arange(C), rng.integers(0, C, n - C)])
        features = centres[labels] * spread + rng.normal(size=(n, D)) + shift
        np.savez(tmp_path / f"{name}.npz", features=features.astype("f4"), labels=labels)
    weight, bias = centres.astype("f4") / 8, rng.normal(size=C).astype("f4")
    np.savez(tmp_path / "head.npz", weight=weight, bias=bias)
    return tmp_path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_one_command_writes_both_files_and_prints_the_table(say: Callable, folder: Path) -> None:
    said = say(folder, "score", *FILES, *OODS, "--head", "head.npz", "--out", "out")
    assert said.code == 0, said.err
    assert sorted(os.listdir(folder / "out")) == ["metrics.csv", "scores.parquet"]
    assert (folder / "out" / "metrics.csv").read_text().splitlines()[0] == HEADER
    metrics = rows(folder)
    assert [(row["scorer"], row["ood"]) for row in metrics] == [
        (name, ood) for name in SCORERS for ood in ("near", "far")
    ]
    scores = pd.read_parquet(folder / "out" / "scores.parquet")
    for row in metrics:
        if not row["auroc"]:
            continue
        of_scorer = scores[scores["scorer"] == row["scorer"]].set_index("set")["score"]
        values = np.concatenate([of_scorer["id_test"], of_scorer[row["ood"]]])
        truth = np.repeat([1, 0], [60, len(values) - 60])
        assert roc_auc_score(truth, values) == pytest.approx(float(row["auroc"]), rel=1e-12)
    shown = next(row for row in metrics if row["scorer"] == "vim" and row["ood"] == "far")
    line = next(line for line in said.out.splitlines() if re.match(r"\s*vim\s", line))
    assert f"{100 * float(shown['auroc']):.2f}" in line
    assert "out/scores.parquet, out/metrics.csv" in said.out
    assert "fitted on ID train: there is no ID validation set: " in said.out


def test_what_numbers_rest_on_is_printed_and_has_a_column_of_its_own(
    say: Callable, folder: Path
) -> None:
    (folder / "mine.py").write_text(
        PLUGIN.replace("return self.scale * bank", "return self.scale * 0 * bank").replace(
            "    def fit",
            "    def notes(self, state, bank):\n        return ('it is as it is',)\n\n    def fit",
            1,
        )
    )
    said = say(
        folder, "score", *FILES, *OODS, "--plugin", "mine.py", "--scorers", "knn,first",
        "--out", "out",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert re.search(r"^note: k=50 is more than half of a class \(\d+ ID .*: knn$", said.out, re.M)
    assert "note: it is as it is: first\n" in said.out
    assert "note: 100% of the OOD scores are tied at one value: first\n" in said.out
    of_first = [row for row in rows(folder) if row["scorer"] == "first"]
    assert {row["note"] for row in of_first} == {
        "it is as it is; 100% of the ID test scores are tied at one value; "
        "100% of the OOD scores are tied at one value"
    }
    assert {row["reason"] for row in of_first} == {""}
    assert [float(row["ap_out"]) for row in of_first] == pytest.approx([55 / 115, 40 / 100])


def test_probabilities_given_as_logits_are_said(say: Callable, folder: Path) -> None:
    for name in ("train", "test", "near", "far"):
        arrays = dict(np.load(folder / f"{name}.npz"))
        logits = np.exp(arrays["features"][:, :C])
        arrays["logits"] = logits / logits.sum(axis=1, keepdims=True)
        np.savez(folder / f"{name}.npz", **arrays)
    said = say(folder, "score", *FILES, *OODS, "--scorers", "energy,euclidean", "--out", "out")
    assert said.code == 0, said.err
    (note,) = [line for line in said.out.splitlines() if line.startswith("note: the logits")]
    assert "the logits of ID test and OOD are probabilities" in note
    assert note.endswith(": energy")


def test_without_a_head_the_table_says_what_is_missing(say: Callable, folder: Path) -> None:
    said = say(folder, "score", *FILES, *OODS, "--scorers", "vim,knn,msp", "--out", "out")
    assert said.code == 0
    assert "no number: the scorer needs a head: none is given: vim" in said.out
    assert "no number: the scorer needs logits: test.npz has no logits: msp" in said.out
    assert not re.search(r"^\s*vim ", said.out, re.MULTILINE)
    assert [row["auroc"] != "" for row in rows(folder)] == [False, False, True, True, False, False]
    assert {row["n_id"] for row in rows(folder) if row["scorer"] == "vim"} == {""}


def test_every_format_gives_the_same_table(say: Callable, folder: Path) -> None:
    names = ("train", "test", "near", "far")
    arrays = {name: dict(np.load(folder / f"{name}.npz")) for name in names}
    head = dict(np.load(folder / "head.npz"))
    for name, both in arrays.items():
        np.save(folder / f"{name}.npy", both["features"])
        np.save(folder / f"{name}.labels.npy", both["labels"])
        save_file(both, folder / f"{name}.safetensors")
        np.savez(folder / f"{name}.o.npz", feat_list=both["features"], label_list=both["labels"])
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(both["features"]))
        lines = [f"images/{i}.png {label}" for i, label in enumerate(both["labels"])]
        (folder / f"{name}.txt").write_text("\n".join(lines))
    (folder / "fc.pkl").write_bytes(pickle.dumps([head["weight"], head["bias"]]))
    save_file(head, folder / "head.safetensors")
    tables = []
    for suffix, labels, the_head in (
        ("npz", "", "head.npz"),
        ("npy", ",labels=train.labels.npy", "fc.pkl"),
        ("safetensors", "", "head.safetensors"),
        ("o.npz", "", "head.npz"),
        ("pkl", ",labels=train.txt", "fc.pkl"),
    ):
        said = say(
            folder,
            "score",
            *("--id-train", f"train.{suffix}{labels}", "--id-test", f"test.{suffix}"),
            *("--ood", f"near=near.{suffix}", "--ood", f"far=far.{suffix}"),
            *("--head", the_head, "--scorers", "msp,mahalanobis,vim,knn", "--out", "out"),
        )
        assert said.code == 0, said.err
        # Not every format brings the labels of ID test.
        left_out = {
            "seconds",
            "note",
            *(name for name in METRICS if METRICS[name].needs != "scores"),
        }
        tables.append([{name: row[name] for name in row.keys() - left_out} for row in rows(folder)])
    assert all(row["auroc"] for row in tables[0])
    assert all(table == tables[0] for table in tables)


def test_parameters_are_given_as_tables_show_them(say: Callable, folder: Path) -> None:
    names = "knn(k=[3 7]),energy(temperature=2.0),vim(dim=4)"
    said = say(
        folder, "score", *FILES, *OODS, "--head", "head.npz", "--scorers", names, "--out", "out"
    )
    assert said.code == 0, said.err
    labels = list(dict.fromkeys(row["scorer"] for row in rows(folder)))
    assert labels == ["knn(k=3)", "knn(k=7)", "energy(temperature=2.0)", "vim(dim=4)"]


def test_a_scorer_of_ones_own(say: Callable, folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN)
    said = say(
        folder,
        *("score", *FILES, *OODS, "--plugin", "mine.py"),
        *("--scorers", "first(scale=2.0),knn", "--out", "out"),
    )
    assert said.code == 0, said.err
    scores = pd.read_parquet(folder / "out" / "scores.parquet")
    mine = scores[(scores["scorer"] == "first(scale=2.0)") & (scores["set"] == "far")]
    np.testing.assert_allclose(mine["score"], 2 * np.load(folder / "far.npz")["features"][:, 0])


def test_a_scorer_that_raises_is_told_with_exit_code_1(say: Callable, folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN)
    said = say(
        folder,
        *("score", *FILES, *OODS, "--plugin", "mine.py"),
        *("--scorers", "first(scale=0.0),knn", "--out", "out"),
    )
    assert said.code == 1
    assert (
        "failed: mine.py:15: scorer 'first(scale=0.0)': ArithmeticError: stumbled over a stone"
        in said.out
    )
    assert 'File "mine.py", line 15, in score' in said.err
    assert [bool(row["auroc"]) for row in rows(folder)] == [False, False, True, True]


BAD = {
    "no such file": (["--head", "haed.npz"], "haed.npz: there is no such file; did you mean"),
    "unknown scorer": (["--scorers", "knm"], "scorers: unknown scorer 'knm'; did you mean 'knn'"),
    "brackets": (["--scorers", "knn(k=3"], "brackets"),
    "an OOD set without name": (["--ood", "far.npz"], "'far.npz' has no name; write near=far.npz"),
    "an OOD set twice": (["--ood", "far=near.npz"], "ood: 'far' is there twice"),
    "an OOD set without file": (["--ood", "x="], "unknown format"),
    "a reserved name": (["--ood", "id_test=far.npz"], "cannot be called 'id_test'"),
    "a head for features": (["--ood", "x=head.npz"], "head.npz has no features"),
    "no threads": (["--threads", "0"], "--threads"),
    "no GPU": (["--device", "cuda"], "error: device: torch finds no GPU here"),
    "no such device": (["--device", "gpu"], "'cpu', 'cuda'"),
    "an output that is a file": (["--out", "far.npz"], "far.npz is not a folder"),
    "an output under a file": (["--out", "far.npz/out"], "far.npz is not a folder"),
    "no such plugin": (["--plugin", "mine.py"], "plugin 'mine.py' cannot be read"),
    "an option": (["--scorer", "knn"], "--scorers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_explained_and_nothing_is_created(
    say: Callable, folder: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    changed, mentioned = BAD[case]
    before = sorted(os.listdir(folder))
    said = say(folder, "score", *FILES, *OODS, "--out", "out", *changed)
    assert said.code == 2, said
    assert mentioned in said.err
    assert "Traceback" not in said.out + said.err
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("missing", ["--id-train", "--id-test", "--ood", "--out"])
def test_what_it_cannot_do_without_is_named(say: Callable, folder: Path, missing: str) -> None:
    whole = {"--id-train": "train.npz", "--id-test": "test.npz", "--ood": "a=far.npz"}
    whole["--out"] = "out"
    given = [word for option in whole.items() if option[0] != missing for word in option]
    said = say(folder, "score", *given)
    assert said.code == 2
    assert missing in said.err


def test_everything_wrong_is_said_at_once(say: Callable, folder: Path) -> None:
    (folder / "broken.py").write_text("import nothing_of_this_name\n")
    features = np.load(folder / "far.npz")["features"]
    np.savez(folder / "nan.npz", features=np.where(features > 5, np.nan, features))
    said = say(
        folder,
        *("score", "--id-train", "trian.npz", "--id-test", "test.npz"),
        *("--ood", "nan=nan.npz", "--ood", "far.npz", "--head", "near.npz"),
        *("--plugin", "broken.py", "--out", "test.npz"),
    )
    assert said.code == 2
    for words in (
        "'far.npz' has no name",
        "plugin 'broken.py' does not import",
        "out: 'test.npz' cannot be written",
        "near.npz has no weight",
        "trian.npz: there is no such file; did you mean 'train.npz'",
        "nan.npz, 'features': ",
    ):
        assert words in said.err
    assert all(line.startswith("error: ") for line in said.err.splitlines())


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_with_code_in_it_is_refused_and_never_run(
    say: Callable, folder: Path, protocol: int
) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return eval, (f"open({str(folder / 'witness')!r}, 'w').close()",)

    (folder / "far.pkl").write_bytes(pickle.dumps([Hostile()], protocol))
    said = say(folder, "score", *FILES, "--ood", "far=far.pkl", "--out", "out")
    assert said.code == 2
    assert re.search(r"error: far\.pkl: is refused: it names '\w+\.eval'", said.err)
    assert not (folder / "witness").exists()
    assert not (folder / "out").exists()


def test_nothing_of_a_sweep_is_imported(folder: Path) -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sorted({m.partition('.')[0] for m in sys.modules}),"
        " file=sys.stderr))\n"
        f"sys.argv = ['mood-sweep', 'score', *{[*FILES, *OODS]!r}, '--out', 'out',"
        " '--head', 'head.npz', '--scorers', 'msp,knn,mahalanobis,vim']\n"
        "from mood_sweeps.cli.main import main; main()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    imported = set(run.stderr.splitlines()[-1].split())
    heavy = {"torch", "torchvision", "timm", "ray", "mlflow", "sqlalchemy", "pandas", "scipy"}
    assert "numpy" in imported
    assert not imported & heavy
