"""A workspace may lie in a folder of any name, and be moved and copied, with all that it shows."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import list_artifacts
from mlflow.entities import Run
from sqlalchemy import URL

import mood_sweeps as ms

Say = Callable[..., Any]
LAUNCH = ("launch", "small.yaml", "--executor", "inline")
ONE_MORE = (*LAUNCH, "--set", "axes.scorer=[cosine, euclidean]")
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
ODD = ["50% off", "a%20b", "é 漢字", "h#q?x=1&y", "u:p@h", "a'b\"c;d+e", "back\\slash", "[x]*"]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project, a folder with a YAML and a workspace, to be copied and not to be used."""
    project = tmp_path_factory.mktemp("first") / "project"
    project.mkdir()
    (project / "small.yaml").write_text(SWEEP)
    done = ms.launch(project / "small.yaml", home=project / ".mood", executor="inline")
    assert (done.exit_code, done.unmirrored) == (0, 0)
    return project


@pytest.fixture
def project(launched: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a project that was moved to a new place: where it was, there is nothing."""
    aside = launched.with_name("aside")
    launched.rename(aside)
    try:
        yield Path(shutil.copytree(aside, tmp_path / "moved"))
        assert not launched.exists()
    finally:
        shutil.rmtree(launched, ignore_errors=True)
        aside.rename(launched)


def client(project: Path, database: str = ".mood/mlflow.db") -> MlflowClient:
    url = URL.create("sqlite", database=str(project / database))
    return MlflowClient(tracking_uri=url.render_as_string())


def runs(mlflow: MlflowClient, kind: str) -> list[Run]:
    (experiment,) = [each for each in mlflow.search_experiments() if each.name == "small"]
    return mlflow.search_runs([experiment.experiment_id], f"tags.`mood.kind` = '{kind}'")


def assert_everything_is_shown(project: Path, launches: int, database: str = ".mood/mlflow.db"):
    """Assert that MLflow's own client finds all artifacts, and finds them in this project."""
    mlflow = client(project, database)
    place = (project / database).parent
    found = runs(mlflow, "launch")
    assert len(found) == launches
    for run in found:
        names = {item.path for item in mlflow.list_artifacts(run.info.run_id)}
        assert names == {"sweep.yaml", "plan.txt", "report"}
        assert run.info.artifact_uri.startswith((place / "mlartifacts").as_uri() + "/")
    (run,) = runs(mlflow, "representation")
    (model,) = mlflow.search_logged_models([run.info.experiment_id])
    # By its address: a client remembers for good where a model's files were, by its id.
    files = {Path(item.path).name for item in list_artifacts(artifact_uri=model.artifact_location)}
    assert "model.safetensors" in files
    assert model.artifact_location.startswith((place / "mlartifacts").as_uri() + "/")
    for tags in (run.data.tags, model.tags):
        assert Path(tags["mood.checkpoint"], "model.safetensors").is_file()
        assert Path(tags["mood.checkpoint"]).is_relative_to(project)


def bytes_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_old_artifacts_are_shown_where_there_is_nothing_to_run(project: Path, say: Say) -> None:
    assert say(project, *LAUNCH).code == 0
    assert_everything_is_shown(project, launches=1)


def test_new_artifacts_are_written_beside_the_old_ones(project: Path, say: Say) -> None:
    assert say(project, *ONE_MORE).code == 0
    assert_everything_is_shown(project, launches=2)
    # Once more: from the place that the first move led to.
    again = project.rename(project.with_name("once more"))
    assert say(again, *ONE_MORE, "--set", "axes.seed=[0]").code == 0
    assert_everything_is_shown(again, launches=2)


def test_a_copy_leaves_the_original_as_it_is(launched: Path, tmp_path: Path, say: Say) -> None:
    before = bytes_below(launched)
    copy = Path(shutil.copytree(launched, tmp_path / "copy"))
    assert say(copy, *ONE_MORE).code == 0
    assert_everything_is_shown(copy, launches=2)
    assert bytes_below(launched) == before


def test_a_copy_without_the_artifacts_does_not_write_to_the_originals(
    launched: Path, tmp_path: Path, say: Say
) -> None:
    before = bytes_below(launched)
    copy = tmp_path / "copy"
    shutil.copytree(launched, copy, ignore=shutil.ignore_patterns("mlartifacts"))
    assert say(copy, *ONE_MORE).code == 0
    newest = runs(client(copy), "launch")[0]
    assert (copy / ".mood/mlartifacts/small" / newest.info.run_id / "artifacts").is_dir()
    assert bytes_below(launched) == before


def test_a_store_apart_keeps_its_artifacts_beside_itself(tmp_path: Path, say: Say) -> None:
    one, apart = tmp_path / "one", tmp_path / "apart"
    one.mkdir()
    apart.mkdir()
    (one / "small.yaml").write_text(SWEEP)
    place = ("--mlflow", f"sqlite:///{apart}/shared.db")
    assert say(one, *LAUNCH, *place).code == 0
    moved = one.rename(tmp_path / "other")
    assert say(moved, *ONE_MORE, *place).code == 0
    assert not one.exists()
    assert len(runs(client(apart, "shared.db"), "launch")) == 2
    assert len(list((apart / "mlartifacts" / "small").glob("*/artifacts/plan.txt"))) == 2
    copied = Path(shutil.copytree(apart, tmp_path / "copied"))
    before = bytes_below(apart)
    more = (*LAUNCH, "--set", "axes.scorer=[cosine, knn]")
    assert say(moved, *more, "--mlflow", f"sqlite:///{copied}/shared.db").code == 0
    assert bytes_below(apart) == before
    assert len(runs(client(copied, "shared.db"), "launch")) == 3


@pytest.mark.parametrize("name", ODD)
def test_a_folder_may_have_any_name(name: str, project: Path, say: Say) -> None:
    odd = project.rename(project.with_name(name))
    assert say(odd, *LAUNCH).code == 0
    assert [path.name for path in odd.parent.iterdir()] == [name]
    assert {path.name for path in odd.iterdir()} == {"small.yaml", ".mood"}
    assert {path.name for path in (odd / ".mood").glob("*.db")} == {"results.db", "mlflow.db"}
    assert "cosine" in say(odd, "results").out
    assert len(ms.open_results(odd / ".mood").frame()) == 1
    assert len(ms.open_results(odd / ".mood" / "results.db").frame()) == 1
    assert_everything_is_shown(odd, launches=1)


def test_names_that_differ_in_how_they_are_encoded_share_nothing(tmp_path: Path, say: Say) -> None:
    projects = [tmp_path / name for name in ("a b", "a%20b", "a%2520b", "a?b", "a%3Fb", "a")]
    for number, project in enumerate(projects):
        project.mkdir()
        text = SWEEP.replace("name: small", f"name: number{number}")
        (project / "small.yaml").write_text(text)
        assert say(project, *LAUNCH, "--no-mlflow").code == 0
    for number, project in enumerate(projects):
        assert set(ms.open_results(project / ".mood").frame()["sweep"]) == {f"number{number}"}
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in projects}


def test_what_is_read_beside_the_sweep_is_that_of_the_moved_project(
    tmp_path: Path, say: Say
) -> None:
    """A cell of a user's scorer is explained from the scorer's file, relative to the sweep's."""
    project = tmp_path / "here"
    project.mkdir()
    (project / "mine.py").write_text(MINE)
    text = SWEEP.replace("axes:", "plugins: [mine.py]\naxes:").replace("[cosine]", "[mine]")
    (project / "small.yaml").write_text(text)
    assert say(project, *LAUNCH, "--no-mlflow").code == 0
    moved = project.rename(tmp_path / "there")
    explained = say(moved, "explain", "mine")
    assert explained.code == 0
    assert "its row is in the database" in explained.out


MINE = """\
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Mine:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    def fit(self, train, head):
        return {}

    def score(self, state, bank):
        return bank.features[:, 0]

SCORERS = {"mine": Mine}
"""
