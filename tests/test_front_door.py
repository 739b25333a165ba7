"""The package's root is the public API: exactly these names, cheap to import, each part alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import mood_sweeps as ms
from mood_sweeps import errors, internal_signals
from mood_sweeps.workspace import Workspace

EXPORTED = [
    "CorruptObject", "DatabaseError", "ExecutorLost", "FeatureBank", "Head", "InlineSettings",
    "InputError", "LaunchResult", "MoodSweepsError", "Options", "Plan", "PluginFailed",
    "RaySettings", "Results", "StageFailed", "StoreError", "Sweep", "Undefined", "WorkerSettings",
    "Workspace", "launch", "load_sweep", "open_results", "plan", "score_features",
]  # fmt: skip


def test_exactly_these_names_are_exported():
    assert ms.__all__ == EXPORTED
    assert sorted(EXPORTED) == EXPORTED
    for name in EXPORTED:
        assert getattr(ms, name) is not None
    assert not hasattr(ms, "no_such_name")


def test_every_error_of_the_tree_is_exported_and_no_internal_signal_is_in_it():
    tree = {kind for kind in vars(errors).values() if _is_exception(kind)}
    assert {kind.__name__ for kind in tree} <= set(ms.__all__)
    assert all(issubclass(kind, ms.MoodSweepsError) for kind in tree)
    signals = {kind for kind in vars(internal_signals).values() if _is_exception(kind)}
    assert signals
    assert not any(issubclass(kind, ms.MoodSweepsError) for kind in signals)
    assert not {kind.__name__ for kind in signals} & set(ms.__all__)


def _is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Exception)


def test_importing_the_package_and_its_help_import_nothing_heavy():
    code = (
        "import sys, mood_sweeps, mood_sweeps.cli.main\n"
        "heavy = {'numpy', 'torch', 'timm', 'ray', 'mlflow', 'sqlalchemy', 'pandas', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_scorer_and_a_metric_work_on_plain_arrays():
    from mood_sweeps.metrics import auroc
    from mood_sweeps.scorers import SCORERS

    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(2), 50)
    train = ms.FeatureBank(
        generator.normal(size=(100, 4)).astype(np.float32) + labels[:, None] * 3, labels
    )
    near = ms.FeatureBank(generator.normal(size=(20, 4)).astype(np.float32), np.zeros(20, int))
    far = ms.FeatureBank(generator.normal(size=(30, 4)).astype(np.float32) + 50, np.zeros(30, int))
    scorer = SCORERS["mahalanobis"]()
    state = scorer.fit(train, None)
    assert auroc(scorer.score(state, near), scorer.score(state, far)) == 1.0


def test_results_open_by_folder_file_and_url(tmp_path):
    database = Workspace.at(tmp_path).open_database()
    database.prepare()
    database.close()
    file = tmp_path / "results.db"
    for place in (tmp_path, file, str(file), f"sqlite:///{file}"):
        assert ms.open_results(place).frame().empty
    with pytest.raises(ms.InputError, match="no results"):
        ms.open_results(tmp_path / "other")
