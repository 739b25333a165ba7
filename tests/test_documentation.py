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

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import save_file

import mood_sweeps as ms
from mood_sweeps.cli.main import cli
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
    weights = {"weight": np.zeros((2, 2), np.float32)}
    save_file(weights, tmp_path / "mine.safetensors")
    for name in ("vit-b-300ep.pth.tar", "last.pth.tar"):
        torch.save({"state_dict": {"weight": torch.zeros(2, 2)}}, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_commands_have_these_verbs_and_options(document: Path) -> None:
    text = document.read_text().replace("\\\n", " ")
    for line in re.findall(r"^ {4,}mood-sweep (.*)$", text, re.MULTILINE):
        verb, *arguments = shlex.split(line.partition(" #")[0])
        command = cli.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None, line
        options = {name for option in command.params for name in option.opts}
        used = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
        assert used <= options, f"{line}: no option {', '.join(sorted(used - options))}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_every_metric_column_is_in_the_document_of_results() -> None:
    from mood_sweeps.metrics import METRICS

    text = (ROOT / "docs" / "results.md").read_text()
    assert not [name for name in METRICS if not re.search(rf"\b{name}\b", text)]
