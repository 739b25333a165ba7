"""Every scorer class can be imported from the package of scorers, which stays numpy only."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import mood_sweeps.scorers
from mood_sweeps.scorers import SCORERS


@pytest.mark.parametrize("name", SCORERS)
def test_the_class_of_every_scorer_can_be_imported(name: str) -> None:
    scorers = importlib.import_module("mood_sweeps.scorers")
    kind = SCORERS[name]
    assert getattr(scorers, kind.__name__) is kind
    assert kind.__name__ in scorers.__all__
    assert kind.__name__ in dir(scorers)


def test_a_name_that_is_no_scorer_is_refused() -> None:
    with pytest.raises(ImportError, match="NoSuchScorer"):
        exec("from mood_sweeps.scorers import NoSuchScorer", {})
    assert not hasattr(mood_sweeps.scorers, "NoSuchScorer")


def test_importing_all_scorers_imports_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from mood_sweeps.scorers import *\n"
        "ViM(dim=16)\n"
        "heavy = {'torch', 'timm', 'scipy', 'sklearn', 'pandas', 'ray', 'mlflow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
