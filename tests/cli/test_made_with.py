"""Which code and which libraries made an object: in its manifest, in MLflow and in the report."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

import mood_sweeps as ms

Say = Callable[..., Any]
SWEEP = """\
name: small
axes:
  pretext: [random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt]
  scorer: [cosine]
pairs:
  - {id: digits:0-5, far: [gaussian]}
"""
LIBRARIES = (
    "mood-sweeps",
    "torch",
    "torchvision",
    "timm",
    "lightly",
    "numpy",
    "scipy",
    "scikit-learn",
)


def head() -> str | None:
    """Return the commit that git says this package's folder is at, None if it is no checkout."""
    top = Path(ms.__file__).parents[1]
    if not (top / ".git").exists():
        return None
    command = ["git", "-C", str(top), "-c", "safe.directory=*", "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_manifests_mlflow_and_report_name_it(tmp_path: Path, say: Say) -> None:
    (tmp_path / "small.yaml").write_text(SWEEP)
    assert say(tmp_path, "launch", "small.yaml", "--executor", "inline").code == 0
    home = tmp_path / ".mood"
    manifests = [json.loads(path.read_text()) for path in home.rglob("store/**/manifest.json")]
    here = manifests[0]["origin"]["environment"]
    assert all(each["origin"]["environment"] == here for each in manifests)
    assert {name: here[name] for name in LIBRARIES} == {name: version(name) for name in LIBRARIES}
    commit = here.get("commit", "")
    assert commit.removesuffix("-dirty") == (head() or "")
    assert str(tmp_path) not in json.dumps([each["origin"] for each in manifests])

    mlflow = MlflowClient(tracking_uri=f"sqlite:///{home}/mlflow.db")
    (experiment,) = [each for each in mlflow.search_experiments() if each.name == "small"]
    runs = mlflow.search_runs([experiment.experiment_id])
    (model,) = mlflow.search_logged_models([experiment.experiment_id])
    tagged = [run.data.tags for run in runs if run.data.tags["mood.kind"] != "launch"]
    assert len(tagged) == 2
    for tags in (*tagged, model.tags):
        for name in ("python", "commit", *LIBRARIES):
            assert tags.get(f"mood.environment.{name}", "") == here.get(name, "")
    (launched,) = [run for run in runs if run.data.tags["mood.kind"] == "launch"]
    plan = Path(mlflow.download_artifacts(launched.info.run_id, "plan.txt", str(tmp_path)))
    assert commit in plan.read_text()

    say(tmp_path, "report")
    report = (home / "reports" / "small" / "report.md").read_text()
    (line,) = re.findall(r"^- made with: (.*)$", report, re.MULTILINE)
    for name in ("python", *LIBRARIES):
        assert f"{name} {here[name]}" in line
    assert commit in line
    # All there is in the store: the network, three banks, one object of scores.
    assert line.endswith(": 3 extract, 1 pretrain, 1 score")
    assert len(manifests) == 5
