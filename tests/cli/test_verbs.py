"""The verbs on a launched workspace: what they print is what the database and the store hold."""

from __future__ import annotations

import json
import re
import shutil

import pandas as pd
import pytest


def test_help_names_every_verb(say, tmp_path):
    said = say(tmp_path, "--help")
    assert said.code == 0
    for verb in ("plan", "launch", "status", "explain", "results", "report", "ui", "list"):
        assert re.search(rf"^  {verb}\b", said.out, re.MULTILINE)


def test_unknown_verb_is_bad_input_with_a_guess(say, tmp_path):
    said = say(tmp_path, "lunch")
    assert said.code == 2
    assert "did you mean 'launch'" in said.err


def test_plan_of_a_fresh_workspace_says_all_is_to_run_and_writes_nothing(
    say, tmp_path, launched_home
):
    said = say(tmp_path, "plan", str(launched_home / "small.yaml"))
    assert said.code == 0
    # 2 pretexts × 2 scorers × 2 pairs; msp needs a head, which random does not have: 6 cells.
    assert "6 cells of 8 in the full grid" in said.out
    assert re.search(r"2\s+the scorer needs a head", said.out)
    assert re.search(r"pretrain\s+2\s+0\s+2", said.out)
    assert re.search(r"evaluate\s+6\s+0\s+6", said.out)
    assert "time unknown" in said.out
    assert list(tmp_path.iterdir()) == []


def test_plan_of_a_finished_sweep_has_nothing_to_run(say, launched_home):
    said = say(launched_home, "plan", "small.yaml")
    assert re.search(r"evaluate\s+6\s+6\s+0", said.out)
    assert "nothing to run" in said.out


def test_plan_estimates_from_measured_history(say, launched_home):
    said = say(launched_home, "plan", "small.yaml", "--set", "axes.seed=[0,1]")
    assert re.search(r"pretrain\s+4\s+2\s+2", said.out)
    assert "from measured history" in said.out


def test_launch_again_runs_nothing(say, launched_home):
    said = say(launched_home, "launch", "small.yaml", "--executor", "inline", "--no-mlflow")
    assert said.code == 0
    assert "6 of 6 cells done; 0 stages run" in said.out
    for command in ("mood-sweep results", "mood-sweep report", "mood-sweep ui"):
        assert command in said.out


@pytest.mark.parametrize(
    "verb", [["results"], ["status"], ["report"], ["explain", "knn"]], ids=lambda verb: verb[0]
)
def test_reading_verbs_on_an_empty_workspace_say_what_to_do(say, tmp_path, verb):
    said = say(tmp_path, *verb)
    assert said.code == 2
    assert "launch" in said.err
    assert list(tmp_path.iterdir()) == []


def test_status_of_a_finished_launch(say, launched_home):
    said = say(launched_home, "status")
    assert "small, launch 1: done; cells: 6 done" in said.out
    plain = json.loads(say(launched_home, "status", "--json").out)
    assert plain[0]["state"] == "done"
    assert plain[0]["calls_done"] == plain[0]["calls_planned"] == 6
    assert say(launched_home, "status", "nosuch").code == 2


def test_explain_by_axis_values_and_by_key(say, launched_home):
    said = say(launched_home, "explain", "random,knn,digits:6-9")
    assert said.code == 0
    assert said.out.count("cached") == 5  # pretrain, three banks, the number
    key = re.match(r"cell (\w+):", said.out).group(1)
    assert say(launched_home, "explain", key).out == said.out


def test_explain_names_the_field_that_differs(say, launched_home):
    said = say(
        launched_home, "explain", "classification(epochs=2),knn,gaussian", "--file", "small.yaml",
        "--set", "axes.pretext=[{classification: {epochs: 2}}]",
    )  # fmt: skip
    assert said.code == 0
    assert "will run" in said.out
    assert "pretext.parameters.epochs: 2 here, 1 there" in said.out


def test_explain_takes_labels_with_parameters_bare_names_and_pairs(say, launched_home):
    several = "classification(batch_size=16, epochs=1)"
    override = "axes.pretext=[{classification: {batch_size: 16, epochs: 1}}]"
    where = ("--file", "small.yaml", "--set", override)
    by_label = say(launched_home, "explain", f"{several}, knn,digits:0-5 vs gaussian", *where)
    assert by_label.code == 0
    assert f"{several} · resnet_nano · pt · seed 0 · knn" in by_label.out
    assert say(launched_home, "explain", "classification,knn,far", *where).out == by_label.out


def test_explain_refuses_many_and_none(say, launched_home):
    many = say(launched_home, "explain", "knn")
    assert many.code == 2
    assert "4 cells" in many.err
    none = say(launched_home, "explain", "knnn,random")
    assert none.code == 2
    assert "did you mean 'knn'" in none.err


def test_report_writes_tables_and_figures(say, launched_home, tmp_path):
    said = say(launched_home, "report", "small", "--out", str(tmp_path / "report"))
    assert said.code == 0
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert "report.md" in names
    assert any(name.endswith(".png") for name in names)
    assert any(name.startswith("confusion") and name.endswith(".csv") for name in names)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "6 done" in text
    unknown = say(launched_home, "report", "smal")
    assert unknown.code == 2
    assert "did you mean 'small'" in unknown.err


def test_list_names_everything_with_parameters(say, tmp_path):
    said = say(tmp_path, "list")
    for name in ("mim", "vit_nano", "pt", "kl_matching", "digits", "gaussian"):
        assert re.search(rf"^  {name}\b", said.out, re.MULTILINE)
    from mood_sweeps.scorers import SCORERS

    scorers = say(tmp_path, "list", "scorers").out.splitlines()
    assert [line.split()[0] for line in scorers] == list(SCORERS)
    assert any("knn" in line and "k=50" in line for line in scorers)


def test_list_says_the_first_sentence_of_every_entry(say, tmp_path):
    lines = say(tmp_path, "list", "pretexts").out.splitlines()
    (dino,) = [line for line in lines if line.split()[0] == "dino"]
    sentence = "Self-distillation without labels (Caron et al. 2021): a student predicts its own"
    assert re.fullmatch(rf"  dino +{re.escape(sentence)} average\. \(preset=.*\)", dino)
    (msp,) = [line for line in say(tmp_path, "list", "scorers").out.splitlines() if " msp " in line]
    assert "[probability, needs logits] s = max" in msp


def test_status_of_an_unknown_sweep_says_which_there_are(say, launched_home):
    assert "did you mean 'small'" in say(launched_home, "status", "smal").err


def test_explain_does_not_ignore_overrides(say, launched_home):
    said = say(launched_home, "explain", "knn", "--set", "axes.seed=[1]")
    assert said.code == 2
    assert "--file" in said.err


def test_list_says_what_can_be_id_and_what_needs_a_head(say, tmp_path):
    datasets = say(tmp_path, "list", "datasets").out
    assert re.search(r"digits .*ID or OOD.*digits:0-5", datasets)
    assert re.search(r"photos .*OOD only", datasets)
    scorers = say(tmp_path, "list", "scorers").out
    assert "[probability, needs logits]" in scorers
    assert re.search(r"knn +\[feature\] ", scorers)


PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Stumbles:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    def fit(self, train, head):
        return {"mean": train.features.mean(axis=0)}

    def score(self, state, bank):
        raise ArithmeticError("stumbled over a stone")

SCORERS = {"stumbles": Stumbles}
"""


def test_a_launch_names_its_lost_cells_and_prints_each_error_once(say, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "sweep.yaml").write_text(
        "name: lost\nplugins: [plugin.py]\n"
        "axes: {pretext: [random], backbone: [resnet_nano], finetune: [pt], "
        "scorer: [knn, stumbles]}\n"
        "pairs:\n"
        "  - {id: digits:0-5, near: [digits:6-9]}\n"
        "  - {id: digits:6-9, near: [digits:0-5]}\n"
    )
    said = say(tmp_path, "launch", "sweep.yaml", "--executor", "inline", "--no-mlflow")
    assert said.code == 1
    lines = [line for line in said.out.splitlines() if "stumbled over a stone" in line]
    assert len(lines) == 2  # one for each ID set
    for line in lines:
        log = line.rpartition("; log: ")[2]
        assert 'File "plugin.py", line 14, in score' in (tmp_path / log).read_text()
    rows = pd.read_sql("select * from results", f"sqlite:///{tmp_path}/.mood/results.db")
    failed = rows[rows["status"] == "failed"]
    assert len(failed) == 2
    for row in failed.itertuples():
        assert (
            f"failed cell {row.cell_key[:12]} (evaluation key {row.evaluation_key[:12]}): random · "
            f"resnet_nano · pt · seed 0 · stumbles · {row.id_set} vs {row.ood_set}"
        ) in said.out
    # Two ID sets are two questions: their numbers are not averaged into one table.
    for id_set in ("digits:0-5", "digits:6-9"):
        assert f"AUROC in %, ID {id_set}, near-OOD" in said.out
    why = say(tmp_path, "results", "--status", "failed").out
    assert "ArithmeticError: stumbled over a stone" in why
    assert "id_set" in why.splitlines()[0]


def test_explain_blames_a_lost_cell_on_its_own_error(say, launched_home, tmp_path):
    (tmp_path / "broken.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "@dataclass(frozen=True)\n"
        "class Broken:\n"
        "    version: ClassVar[int] = 1\n"
        "    family: ClassVar[str] = 'feature'\n"
        "    needs_head: ClassVar[bool] = False\n"
        "    uses_seed: ClassVar[bool] = False\n"
        "    def fit(self, train, head):\n"
        "        raise RuntimeError('no such luck')\n"
        "    def score(self, state, bank):\n"
        "        return bank.features[:, 0]\n"
        "SCORERS = {'broken': Broken}\n"
    )
    text = (launched_home / "small.yaml").read_text().replace("knn]", "knn, {knn: {k: 3}}, broken]")
    (tmp_path / "more.yaml").write_text("plugins: [broken.py]\n" + text)
    arguments = ("more.yaml", "--executor", "inline", "--no-mlflow", "--home")
    shutil.copytree(launched_home / ".mood", tmp_path / ".mood")
    launched = say(tmp_path, "launch", *arguments, str(tmp_path / ".mood"))
    assert launched.code == 1
    assert "no such luck" in launched.out
    broken = say(tmp_path, "explain", "random,broken,digits:6-9", "--file", "more.yaml")
    assert "RuntimeError: no such luck" in broken.out
    other = say(tmp_path, "explain", "random,knn,digits:6-9", "--file", "more.yaml")
    assert "no such luck" not in other.out
    again = say(tmp_path, "results", "--status", "failed", "--columns", "scorer,reason")
    assert again.out.count("no such luck") == 4
