"""The next launch fills in a metric that was added after the numbers were made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mood_sweeps.store import Store
from tests.support.small_launches import Tried

ROOT = Path(__file__).parents[2]

LAUNCH_WITH_ONE_METRIC_MORE = """\
import sys
from pathlib import Path
from mood_sweeps.metrics import registry

def gap(pair):
    return float(pair.id_scores.max() > pair.ood_scores.max())

registry.METRICS["gap"] = registry.Metric("gap", "Gap", True, "scores", gap)
registry.METRICS_DIGEST = "one more"
from tests.support.small_launches import TINY, try_launch
tried = try_launch(TINY, Path(sys.argv[1]))
assert tried.launched.stages_run == 0, tried.launched
print(*sorted(tried.launched.frame()["gap"].dropna().unique()))
"""


def launch_with_one_metric_more(folder: Path) -> str:
    command = [sys.executable, "-c", LAUNCH_WITH_ONE_METRIC_MORE, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def old_metrics(tried: Tried) -> list[tuple[object, ...]]:
    return tried.query("select cell_key, auroc, oscr, id_accuracy from results order by cell_key")


def test_the_next_launch_computes_it_from_stored_scores_and_runs_no_stage(launched: Tried) -> None:
    before = old_metrics(launched)
    assert launch_with_one_metric_more(launched.folder).split() in (["0.0", "1.0"], ["1.0"])
    assert old_metrics(launched) == before
    missing = launched.query("select distinct missing_metrics from results")
    assert missing == [(None,)]


def test_without_stored_scores_the_row_notes_what_is_missing(launched: Tried) -> None:
    before = old_metrics(launched)
    store = Store(launched.folder / "store")
    objects = launched.folder / "store" / "objects" / "score"
    for folder in objects.iterdir():
        for ref in store.refs(f"score/{folder.name}"):
            store.quarantine(ref)
    assert launch_with_one_metric_more(launched.folder).split() == []
    assert old_metrics(launched) == before
    assert launched.query("select distinct gap, missing_metrics from results") == [
        (None, "scores evicted")
    ]


@pytest.mark.parametrize("verb", [["results"], ["report", "tiny"]])
def test_code_without_the_metric_still_reads_the_database(launched: Tried, verb: list[str]) -> None:
    launch_with_one_metric_more(launched.folder)
    program = "from mood_sweeps.cli.main import main; main()"
    command = [sys.executable, "-c", program, *verb, "--home", str(launched.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
