"""Whatever is wrong with the input: exit code 2, plain words, no traceback, nothing created."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """\
name: small
axes:
  pretext: [random]
  backbone: [resnet_nano]
  finetune: [pt]
  scorer: [knn]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""

EXPOSED = GOOD.replace(
    "[pt]", "[{pt+ft:outlier_exposure: {ft:outlier_exposure: {exposed: digits:6-9, k: 10}}}]"
)

BAD_FILES = {
    "unknown key": (GOOD + "sedes: 3\n", "sedes"),
    "unknown axis": (GOOD.replace("  scorer:", "  scorers:"), "did you mean 'scorer'"),
    "unknown scorer": (GOOD.replace("knn", "knm"), "did you mean 'knn'"),
    "unknown pretext": (GOOD.replace("[random]", "[mimm]"), "did you mean 'mim'"),
    "unknown backbone": (GOOD.replace("resnet_nano", "resnet_nana"), "did you mean 'resnet_nano'"),
    "unknown data set": (GOOD.replace("digits:6-9", "digit:6-9"), "did you mean 'digits'"),
    "unknown class": (GOOD.replace("digits:6-9", "digits:6-11"), "digits:6-11"),
    "unknown fine-tuning": (GOOD.replace("[pt]", "[pt+fd]"), "allowed: ft"),
    "an unknown exposed set": (EXPOSED.replace("digits:6-9, k", "digitz:6-9, k"), "small.yaml:5"),
    "more exposed than there are": (EXPOSED.replace("k: 10", "k: 200"), "class '8'"),
    "nothing left to test on": (EXPOSED.replace("k: 10", "k: 174"), "is left to test on"),
    "a way to train among scores": (GOOD.replace("knn", "outlier_exposure"), "ft:outlier_exposure"),
    "unknown parameter": (GOOD.replace("[knn]", "[{knn: {kk: 3}}]"), "did you mean 'k'"),
    "text for a number": (GOOD.replace("[knn]", "[{knn: {k: three}}]"), "three"),
    "negative number": (GOOD.replace("[knn]", "[{knn: {k: -1}}]"), "-1"),
    "not a number": (GOOD.replace("[random]", "[{mocov3: {temperature: .nan}}]"), "temperature"),
    "negative seed": (GOOD.replace("scorer: [knn]", "scorer: [knn]\n  seed: [-1]"), "-1"),
    "text for a seed": (GOOD.replace("scorer: [knn]", "scorer: [knn]\n  seed: [one]"), "one"),
    "empty axis": (GOOD.replace("[knn]", "[]"), "scorer"),
    "a value for a list": (GOOD.replace("name: small", "name: [a]"), "name"),
    "a value twice": (GOOD.replace("[knn]", "[knn, knn]"), "knn"),
    "ID is OOD": (GOOD.replace("digits:6-9", "digits:0-5"), "digits:0-5"),
    "a class in ID and OOD": (GOOD.replace("digits:6-9", "digits:5-9"), "digits:5-9"),
    "rules that leave nothing": (GOOD + "exclude: [{scorer: knn}]\n", "exclude"),
    "a rule that names nothing": (GOOD + "exclude: [{scorer: vimm}]\n", "vimm"),
    "YAML syntax": (GOOD.replace("[knn]", "[knn"), "small.yaml:"),
    "a tab": (GOOD.replace("  scorer", "\tscorer"), "small.yaml:"),
    "a key twice": (GOOD + "name: other\n", "name"),
    "empty": ("", "small.yaml"),
    "comments only": ("# nothing\n", "small.yaml"),
    "a list": ("- name: small\n", "mapping"),
    "a word": ("hello\n", "mapping"),
    "path in the name": (GOOD.replace("name: small", "name: ../small"), "../small"),
    "code in a tag": (GOOD.replace("small", "!!python/object/apply:os.getcwd []"), "small.yaml:"),
}


@pytest.mark.parametrize("case", BAD_FILES)
@pytest.mark.parametrize("verb", ["plan", "launch"])
def test_a_bad_file_is_explained_and_nothing_is_created(
    say: Callable, tmp_path: Path, verb: str, case: str
) -> None:
    text, mentioned = BAD_FILES[case]
    (tmp_path / "small.yaml").write_text(text)
    refused(say(tmp_path, verb, "small.yaml"), mentioned)
    assert os.listdir(tmp_path) == ["small.yaml"]


BAD_COMMANDS = {
    "no such file": (["launch", "smal.yaml"], "did you mean 'small.yaml'"),
    "a folder": (["launch", "."], "cannot be read"),
    "override of nothing": (["launch", "small.yaml", "--set", "axes.sed=[1]"], "seed"),
    "override without value": (["launch", "small.yaml", "--set", "axes.seed"], "axes.seed"),
    "no workers": (["launch", "small.yaml", "--workers", "0"], "--workers"),
    "negative wait": (["launch", "small.yaml", "--mlflow-wait", "-1"], "--mlflow-wait"),
    "GPU share of nothing": (["launch", "small.yaml", "--gpus-per-worker", "0"], "--gpus-per"),
    "GPU share that is none": (
        ["launch", "small.yaml", "--gpus-per-worker", "nan"],
        "gpus_per_worker",
    ),
    "GPUs too small to share": (
        ["launch", "small.yaml", "--gpus-per-worker", "0.5", "--workers-per-training", "2"],
        "need a GPU each",
    ),
    "no training": (
        ["launch", "small.yaml", "--workers-per-training", "0"],
        "--workers-per-training",
    ),
    "wait for no time": (["launch", "small.yaml", "--mlflow-wait", "nan"], "mlflow_wait_s"),
    "executor": (["launch", "small.yaml", "--executor", "dask"], "inline"),
    "an option of another executor": (
        ["launch", "small.yaml", "--executor", "inline", "--workers", "2"],
        "executor inline does not take --workers",
    ),
    "verb": (["lunch", "small.yaml"], "did you mean 'launch'"),
    "option": (["launch", "small.yaml", "--worker", "2"], "--workers"),
    "store under a file": (["launch", "small.yaml", "--store", "small.yaml/store"], "not a folder"),
    "store is a file": (["launch", "small.yaml", "--store", "small.yaml"], "not a folder"),
    "store is a URL": (["launch", "small.yaml", "--store", "s3://bucket/mood"], "folder"),
    "home under a file": (["launch", "small.yaml", "--home", "small.yaml/m"], "not a folder"),
    "no URL": (["launch", "small.yaml", "--database", "results"], "no database URL"),
    "port that is none": (
        ["launch", "small.yaml", "--database", "postgresql://me:geheim@host:port/db"],
        "no database URL",
    ),
    "other database": (["launch", "small.yaml", "--database", "mysql://me:geheim@h/db"], "sqlite"),
    "database under a file": (
        ["launch", "small.yaml", "--database", "sqlite:///small.yaml/r.db"],
        "not a folder",
    ),
    "database is a text": (
        ["launch", "small.yaml", "--database", "sqlite:///small.yaml"],
        "not a database",
    ),
    "database in memory": (["launch", "small.yaml", "--database", "sqlite://"], "memory"),
    "no database server": (
        ["launch", "small.yaml", "--database", "postgresql://me:geheim@127.0.0.1:1/mood"],
        "127.0.0.1",
    ),
    "no cluster at the address": (
        ["launch", "small.yaml", "--address", "127.0.0.1:1"],
        "no Ray cluster answers at '127.0.0.1:1'",
    ),
    "address without port": (["launch", "small.yaml", "--address", "somewhere"], "no Ray address"),
    "address with a wild port": (
        ["launch", "small.yaml", "--address", "localhost:99999"],
        "no Ray address",
    ),
    "address of nowhere": (
        ["launch", "small.yaml", "--address", "no..host:6379"],
        "no Ray cluster answers",
    ),
    "status of nothing": (["status"], "no results"),
    "results of nothing": (["results"], "no results"),
    "report of nothing": (["report", "small"], "no results"),
    "explain of nothing": (["explain", "knn"], "nothing was launched"),
}


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_a_bad_command_is_explained_and_nothing_is_created(
    say: Callable, tmp_path: Path, case: str
) -> None:
    arguments, mentioned = BAD_COMMANDS[case]
    (tmp_path / "small.yaml").write_text(GOOD)
    said = say(tmp_path, *arguments)
    refused(said, mentioned)
    assert "geheim" not in said.out + said.err
    assert os.listdir(tmp_path) == ["small.yaml"]
    assert (tmp_path / "small.yaml").read_text() == GOOD


def test_everything_that_is_wrong_with_the_places_is_said_at_once(
    say: Callable, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(GOOD)
    said = say(
        tmp_path,
        "launch",
        "small.yaml",
        *("--store", "small.yaml/store"),
        *("--database", "postgresql://me:geheim@127.0.0.1:1/mood"),
        *("--address", "127.0.0.1:1"),
    )
    refused(said, "small.yaml/store")
    lines = said.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("error: ") for line in lines)
    assert "postgresql://me:***@127.0.0.1:1/mood" in lines[1]
    assert "Ray cluster" in lines[2]
    assert os.listdir(tmp_path) == ["small.yaml"]


def test_everything_that_is_wrong_with_a_file_is_said_at_once(
    say: Callable, tmp_path: Path
) -> None:
    bad = GOOD.replace("knn", "knm").replace("resnet_nano", "vit_nan").replace("6-9", "0-5")
    (tmp_path / "small.yaml").write_text(bad)
    said = say(tmp_path, "launch", "small.yaml")
    refused(said, "'knm'")
    assert [line.split(":")[2] for line in said.err.splitlines()] == ["4", "6", "8"]


def test_refusing_never_imports_what_only_running_needs(say: Callable, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(GOOD.replace("knn", "knm"))
    before = set(sys.modules)
    refused(say(tmp_path, "launch", "small.yaml"), "knm")
    assert not {"ray", "torch", "mlflow", "pandas"} & (set(sys.modules) - before)


def refused(said: object, mentioned: str) -> None:
    """Assert that it ended with code 2 and a few clear words on stderr."""
    assert said.code == 2, said
    assert "Traceback" not in said.out + said.err
    assert mentioned in said.err, said.err
    assert 1 <= len(said.err.splitlines()) <= 6
