"""One small launched workspace for all tests of the verbs, and a way to call them."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

import mood_sweeps as ms
from mood_sweeps.cli import main as command_line

EXPERIMENT = """\
name: small
axes:
  pretext: [random, {classification: {epochs: 1}}]
  backbone: [resnet_nano]
  finetune: [pt]
  scorer: [msp, knn]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""


@dataclass(frozen=True)
class Said:
    """What a verb printed and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def launched_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with small.yaml and the workspace of its launch."""
    folder = tmp_path_factory.mktemp("launched")
    file = folder / "small.yaml"
    file.write_text(EXPERIMENT)
    launched = ms.launch(file, home=folder / ".mood", executor="inline", mlflow=False)
    assert launched.exit_code == 0
    return folder


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs the command line in this process, in a folder."""

    def run(folder: Path, *arguments: str) -> Said:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["mood-sweep", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        printed = capsys.readouterr()
        return Said(int(ended.value.code or 0), printed.out, printed.err)

    return run
