"""Documents are true: Python and YAML blocks run, commands parse, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import save_file

import mood_sweeps as ms
from mood_sweeps import errors
from mood_sweeps.cli.main import VERBS, cli
from tests.support.image_folders import write_images
from tests.support.small_launches import TINY, Tried

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

REST: dict[str, Any] = {
    "name": "fragment",
    "corpus": "digits:0-5",
    "axes": {
        "pretext": ["mim"],
        "backbone": ["vit_nano"],
        "finetune": ["pt"],
        "scorer": ["knn"],
        "seed": [0],
    },
    "pairs": [{"id": "digits:0-5", "near": ["digits:6-9"]}],
}
"""What a fragment of an experiment file is completed with."""

MADE_AT_RUN_TIME = {"objects/", "quarantine/", "store/", "logs/", "mlartifacts/", "reports/"}
"""Folders of a workspace that documents name."""


def blocks(document: Path, language: str) -> Iterator[str]:
    for _, found, text in BLOCK.findall(document.read_text()):
        if found == language:
            yield textwrap.dedent(text)


def named(language: str) -> list[Any]:
    return [
        pytest.param(document, id=document.stem)
        for document in DOCUMENTS
        if any(blocks(document, language))
    ]


@pytest.fixture
def folder(trained: Tried, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a reader: a finished small sweep, and files that documents name."""
    shutil.copytree(trained.folder, tmp_path / ".mood")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "small.yaml").write_text(TINY)
    random = np.random.default_rng(0)
    for name in ("train", "val", "test", "ssb", "b"):
        features = random.normal(size=(60, 8)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", features=features, labels=np.arange(60) % 3)
    np.savez(tmp_path / "head.npz", weight=np.eye(3, 8, dtype=np.float32), bias=np.zeros(3))
    np.save(tmp_path / "tex.npy", random.normal(size=(40, 8)).astype(np.float32))
    np.save(tmp_path / "tex_labels.npy", np.arange(40) % 3)
    write_images(tmp_path / "my_images" / "cat", 0, 60)
    write_images(tmp_path / "my_images" / "dog", 120, 60)
    write_images(tmp_path / "other_images", 60, 40)
    for block in blocks(ROOT / "docs" / "extension.md", "python"):
        if named_file := re.match(r"# (my_\w+\.py)\n", block):
            (tmp_path / named_file[1]).write_text(block)
    torch.save({"state_dict": {}}, tmp_path / "resnet20.th")
    weights = {"weight": np.zeros((2, 2), np.float32)}
    save_file(weights, tmp_path / "mine.safetensors")
    for name in ("vit-b-300ep.pth.tar", "last.pth.tar"):
        torch.save({"state_dict": {"weight": torch.zeros(2, 2)}}, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_folders_of_images_give_a_table(folder: Path) -> None:
    file = folder / "my_first_images.yaml"
    file.write_text(next(blocks(ROOT / "docs" / "your_own_images.md", "yaml")))
    launched = ms.launch(file, home=folder / "home", executor="inline", mlflow=False)
    frame = launched.frame()
    assert len(frame) == 5  # vim needs a head, which the untrained network lacks
    assert frame["auroc"].notna().all()
    assert set(frame["ood_set"]) == {"others"}


@pytest.mark.parametrize("document", named("python"))
def test_python_blocks_run_in_their_order(
    document: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del folder
    module = ModuleType("document")
    monkeypatch.setitem(sys.modules, "document", module)  # dataclasses look their module up
    for block in blocks(document, "python"):
        exec(compile(block, str(document), "exec"), module.__dict__)


@pytest.mark.parametrize("document", named("yaml"))
def test_yaml_blocks_are_planned(document: Path, folder: Path) -> None:
    for block in blocks(document, "yaml"):
        written = yaml.safe_load(block)
        text = block
        if "name" not in written:
            axes = written.get("axes", written)
            whole = REST | {"axes": REST["axes"] | axes}
            text = yaml.safe_dump(whole)
        file = folder / "document.yaml"
        file.write_text(text)
        assert ms.plan(ms.load_sweep(file)).cells, block


def command_of(verb: str) -> click.Command:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None, f"no verb {verb}"
    return command


def options_of(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_commands_parse(document: Path) -> None:
    text = document.read_text().replace("\\\n", " ")
    for line in re.findall(r"^ {4,}(?:\$ )?mood-sweep (.*)$", text, re.MULTILINE):
        verb, *arguments = shlex.split(line, comments=True)
        try:
            command_of(verb).make_context(verb, arguments)  # parses, and runs nothing
        except click.UsageError as error:
            pytest.fail(f"mood-sweep {line}: {error.format_message()}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_verbs_and_options_in_sentences_exist(document: Path) -> None:
    text = document.read_text()
    for words in re.findall(r"`mood-sweep\s+([^`]*)`", text):
        verb, *arguments = words.split()
        used = {word.partition("=")[0] for word in arguments if word.startswith("--")}
        assert used <= options_of(command_of(verb)), words
    every = {name for verb in VERBS for name in options_of(command_of(verb))}
    assert set(re.findall(r"`(--[a-z][a-z-]*)", text)) <= every


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_files_and_folders_that_are_named_exist(document: Path) -> None:
    places = (ROOT, ROOT / "mood_sweeps")
    named_ones = re.findall(
        r"`([a-z_.]+(?:/[a-z_0-9.]+)*/(?:[a-z_0-9]+\.py)?)`", document.read_text()
    )
    missing = [
        name
        for name in named_ones
        if name not in MADE_AT_RUN_TIME and not any((place / name).exists() for place in places)
    ]
    assert not missing


def test_every_exported_name_is_in_the_document_of_python() -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    assert not [name for name in ms.__all__ if not re.search(rf"`ms\.{name}\b", text)]


def test_the_document_of_python_draws_the_tree_of_errors() -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    drawn = [
        (len(indent) // 4, name)
        for indent, name in re.findall(
            r"^ {4}((?:[│ ├└][─ ]{2} )*)(\w+)(?: {2,}.*)?$", text, re.MULTILINE
        )
    ]
    above: dict[int, str] = {}
    parents = {}
    for depth, name in drawn:
        above[depth] = name
        parents[name] = above.get(depth - 1)
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ms.MoodSweepsError)
    ]
    wanted = {
        kind.__name__: kind.__base__.__name__ if kind is not ms.MoodSweepsError else None
        for kind in kinds
    }
    assert parents == wanted


def test_every_column_is_in_the_document_of_results(trained: Tried) -> None:
    text = (ROOT / "docs" / "results.md").read_text()
    columns = ms.open_results(trained.folder).frame().columns
    assert not [name for name in columns if f"`{name}`" not in text]


def test_the_plugin_of_the_document_scores(folder: Path) -> None:
    sets = {"id_train": "train.npz", "id_test": "test.npz", "ood": {"near": "b.npz"}}
    plugin = folder / "my_scorer.py"
    frame = ms.score_features(**sets, scorers="norm_gap(order=1)", plugins=[plugin])
    assert frame["auroc"].notna().all()
