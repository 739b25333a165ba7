"""The chaos campaign in short: a fault of each kind that needs no Ray, always the same ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]


def test_whatever_happens_the_same_command_comes_to_the_same_end() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
