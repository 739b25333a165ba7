"""An experiment over a user's features on the command line: plan, launch, results, explain."""

from __future__ import annotations

from tests.support.external_feature_cases import EXPERIMENT, write_sets


def test_an_experiment_over_features_from_plan_to_table(say, tmp_path):
    write_sets(tmp_path)
    (tmp_path / "mine.yaml").write_text(EXPERIMENT)
    planned = say(tmp_path, "plan", "mine.yaml")
    assert planned.code == 0
    assert "10 cells" in planned.out
    assert [line.split() for line in planned.out.splitlines() if "  given" in line] == [
        ["given", "6", "0", "6"]
    ]
    launched = say(tmp_path, "launch", "mine.yaml", "--executor", "inline", "--no-mlflow")
    assert launched.code == 0
    assert "10 of 10 cells done; 16 stages run" in launched.out
    again = say(tmp_path, "launch", "mine.yaml", "--executor", "inline", "--no-mlflow")
    assert "10 of 10 cells done; 0 stages run" in again.out
    table = say(tmp_path, "results", "--sweep", "mine", "--format", "csv")
    assert table.out.count("beit,features,given") == 10
    why = say(tmp_path, "explain", "beit,msp,noise")
    assert why.code == 0
    assert why.out.count("cached") == 5


def test_wrong_files_are_bad_input_with_their_lines(say, tmp_path):
    write_sets(tmp_path)
    text = EXPERIMENT.replace("train.npz", "tran.npz").replace("far.npz", "head.npz")
    (tmp_path / "mine.yaml").write_text(text)
    said = say(tmp_path, "launch", "mine.yaml")
    assert said.code == 2
    assert "mine.yaml:4" in said.err
    assert "mine.yaml:7" in said.err
    assert "did you mean 'train.npz'" in said.err
    assert not (tmp_path / ".mood").exists()


def test_notes_stand_below_the_table_with_how_many_rows_say_them(say, tmp_path):
    write_sets(tmp_path)
    text = EXPERIMENT.replace("{knn: {k: [1, 5]}}", "{knn: {k: [1, 30]}}, {gen: {M: 7}}, ash_s")
    (tmp_path / "mine.yaml").write_text(text)
    assert say(tmp_path, "launch", "mine.yaml", "--executor", "inline", "--no-mlflow").code == 0
    lines = say(tmp_path, "results", "--sweep", "mine").out.splitlines()
    after = lines[lines.index("14 rows") + 1 :]
    assert all(line.startswith("note: ") for line in after)
    assert "note: M=7 is more than the 3 classes: all count: 2 rows" in after
    negative = "some features are negative: this score was made for those after a ReLU"
    assert f"note: {negative}: 2 rows" in after
    assert any(
        line.startswith("note: k=30 is more than half of a class (") and line.endswith(": 2 rows")
        for line in after
    )
    chosen = say(tmp_path, "results", "--columns", "scorer,note", "--scorer", "ash_s")
    assert negative in chosen.out
    report = say(tmp_path, "report", "mine")
    assert report.code == 0, report.err
    (written,) = tmp_path.glob("**/report.md")
    assert f"- {negative}: 2 cells" in written.read_text()
