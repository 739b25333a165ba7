from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.experiment import Pair, Sweep, load_sweep
from mood_sweeps.identity import key_of
from mood_sweeps.scorers import SCORERS
from tests.support.planned_sweeps import read

QUICKSTART = Path(__file__).parents[2] / "experiments" / "pretext_vs_scorer.yaml"

SMALL = """\
name: small
axes:
  pretext: [mim, {mim: {epochs: 3}}, random]
  backbone: [vit_nano]
  finetune: [pt, pt+ft]
  scorer: [msp, knn, {knn: {k: 7}}]
pairs:
  - {id: digits:0-5, far: [photos], near: ['digits:6,7,8,9']}
  - {id: digits:0-4, near: [digits:5]}
exclude:
"""


def small(tmp_path: Path, text: str = SMALL) -> Sweep:
    file = tmp_path / "small.yaml"
    file.write_text(text)
    return load_sweep(file)


def test_the_quickstart_file_has_the_documented_grid() -> None:
    sweep = load_sweep(QUICKSTART)
    assert sweep.name == "pretext_vs_scorer"
    assert sweep.corpus == "digits:0-5"
    assert [choice.label for choice in sweep.pretexts] == [
        "mim",
        "mocov3",
        "classification",
        "random",
    ]
    assert [choice.label for choice in sweep.backbones] == ["vit_nano", "resnet_nano"]
    assert [finetune.label for finetune in sweep.finetunes] == ["pt", "pt+ft"]
    assert len(sweep.scorers) == 11
    assert sweep.seeds == (0, 1)
    assert [pair.distance for pair in sweep.pairs] == ["near"] + ["far"] * 5
    assert QUICKSTART.read_text().splitlines()[3].startswith("#")


def test_values_keep_the_order_of_the_file(tmp_path: Path) -> None:
    sweep = small(tmp_path)
    assert [choice.label for choice in sweep.pretexts] == ["mim", "mim(epochs=3)", "random"]
    assert [(one.label, len(one.stages)) for one in sweep.finetunes] == [("pt", 0), ("pt+ft", 1)]
    assert sweep.seeds == (0,)
    assert sweep.corpus is None
    assert sweep.exclude == ()
    assert sweep.source == SMALL
    assert sweep.where == str(tmp_path / "small.yaml")
    assert sweep.pairs == (
        Pair("digits:0-5", "photos", "far"),
        Pair("digits:0-5", "digits:6-9", "near"),
        Pair("digits:0-4", "digits:5", "near"),
    )


def test_a_byte_order_mark_and_other_line_ends_change_nothing(tmp_path: Path) -> None:
    sweep = small(tmp_path)
    file = tmp_path / "windows.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_sweep(file).content == sweep.content


def test_a_sweep_pickles(tmp_path: Path) -> None:
    sweep = small(tmp_path)
    assert pickle.loads(pickle.dumps(sweep)) == sweep  # noqa: S301


@pytest.mark.parametrize(
    ("written", "matches"),
    [
        ("{scorer: knn}", (("scorer", ("knn", "knn(k=7)")),)),
        ("{scorer: knn(k=7)}", (("scorer", ("knn(k=7)",)),)),
        (
            "{scorer: [knn, msp], pretext: random}",
            (("pretext", ("random",)), ("scorer", ("msp", "knn", "knn(k=7)"))),
        ),
        ("{ood: 'digits:6,7,8,9'}", (("ood", ("digits:6-9",)),)),
        ("{id: digits:0-4, distance: near}", (("id", ("digits:0-4",)), ("distance", ("near",)))),
        ("{seed: 0, finetune: pt}", (("finetune", ("pt",)), ("seed", (0,)))),
    ],
)
def test_a_rule_is_resolved_to_full_labels(
    tmp_path: Path, written: str, matches: tuple[object, ...]
) -> None:
    (rule,) = small(tmp_path, f"{SMALL}  - {written}\n").exclude
    assert rule.matches == matches
    assert rule.label == f"exclude {written}".replace("'", "")
    assert rule.where.endswith(":11")


def test_a_rule_removes_a_cell_when_all_its_axes_match(tmp_path: Path) -> None:
    text = f"{SMALL}  - {{scorer: knn, pretext: [mim, random], seed: 0}}\n"
    sweep = small(tmp_path, text)
    (rule,) = sweep.exclude
    msp, knn, knn_7 = sweep.scorers
    mim, _, _ = sweep.pretexts
    assert rule.may_match(scorer=knn_7, pretext=mim, seed=0, id="digits:0-5", distance="far")
    assert rule.may_match(scorer=knn, pretext="random", seed=0)
    assert not rule.may_match(scorer=msp, pretext=mim, seed=0)
    assert not rule.may_match(scorer=knn, pretext=mim, seed=1)
    assert rule.may_match(seed=0)
    assert rule.may_match()


def test_content_depends_only_on_what_decides_the_cells(tmp_path: Path) -> None:
    content = small(tmp_path).content
    same = SMALL.replace("name: small", "# a comment\nname: other").replace(
        "[mim, {mim: {epochs: 3}}, random]", "[random, mim: {epochs: 3}, {mim: {}}]"
    )
    same = same.replace(
        "{id: digits:0-4, near: [digits:5]}", "{near: ['digits:5-5'], id: digits:0-4}"
    )
    assert small(tmp_path, same).content == content
    for old, new in [
        ("epochs: 3", "epochs: 4"),
        ("msp, ", ""),
        ("[photos]", "[photos, uniform]"),
        ("far: [photos], near", "near"),
        ("exclude:", "exclude: [{scorer: msp}]"),
        ("pt+ft]", "{pt+ft: {ft: {epochs: 3}}}]"),
        ("exclude:", "corpus: digits:0-4"),
        ("exclude:", "intermediate: strokes"),
    ]:
        assert old in SMALL
        assert key_of(small(tmp_path, SMALL.replace(old, new)).content) != key_of(content)


def test_a_sweep_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        small(tmp_path).name = "other"  # type: ignore[misc]


def test_loading_the_quickstart_is_quick_and_imports_nothing_heavy() -> None:
    code = f"""
import sys, time
from mood_sweeps.experiment import load_sweep
from mood_sweeps.experiment.catalogues import shipped
shipped()
start = time.process_time()
load_sweep({str(QUICKSTART)!r})
seconds = time.process_time() - start
heavy = "torch timm ray mlflow sklearn scipy pandas sqlalchemy matplotlib".split()
print([name for name in heavy if name in sys.modules], seconds < 0.1, seconds)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] True"), done.stdout


def test_a_grid_on_any_axis_is_one_value_for_each_combination(tmp_path: Path) -> None:
    sweep = read(
        """\
name: grid
axes:
  pretext: [{mim: {mask_ratio: [0.25, 0.5]}}]
  backbone: [{vit_nano: {depth: [1, 2]}}]
  finetune: [{pt+ft: {ft: {epochs: [1, 2]}}}]
  scorer: [{knn: {k: [1, 5]}}, msp]
pairs: [{id: id:abc, far: [ood:far]}]
""",
        tmp_path,
    )
    assert [one.label for one in sweep.pretexts] == ["mim(mask_ratio=0.25)", "mim(mask_ratio=0.5)"]
    assert [one.label for one in sweep.backbones] == ["vit_nano(depth=1)", "vit_nano(depth=2)"]
    assert [one.label for one in sweep.finetunes] == ["pt+ft(epochs=1)", "pt+ft(epochs=2)"]
    assert [one.label for one in sweep.scorers] == ["knn(k=1)", "knn(k=5)", "msp"]


GRID = """\
name: grid
axes:
  pretext: [random]
  backbone: [vit_nano]
  finetune: [pt]
  scorer: [{knn: {k: [5, 1]}}, max_logit]
select: {on: id_val+ood_val}
pairs: [{id: id:abc, far: [ood:xyz], ood_val: [ood:pq, ood:rs]}]
"""


def test_select_adds_the_best_of_every_grid(tmp_path: Path) -> None:
    sweep = read(GRID, tmp_path)
    assert [one.label for one in sweep.scorers] == [
        "knn(k=5)",
        "knn(k=1)",
        "max_logit",
        "knn(selected)",
    ]
    assert sweep.ood_val == {"id:abc": ("ood:pq", "ood:rs")}
    plain = read(GRID.replace("[5, 1]", "[1, 5]"), tmp_path)
    assert plain.scorers[-1] == sweep.scorers[-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id_val+ood_val}", "id_test}", "selected on 'id_val+ood_val', not on 'id_test'"),
        ("{on: id_val+ood_val}", "{}", "'select' has no 'on'"),
        ("[5, 1]", "5", "nothing to select: no scorer has a grid"),
        (", ood_val: [ood:pq, ood:rs]", "", "needs OOD validation sets for 'id:abc'"),
        ("select: {on: id_val+ood_val}\n", "", "'ood_val' of 'id:abc' (ood:pq, ood:rs)"),
        ("[ood:pq, ood:rs]", "[ood:xyz]", "must not be chosen on a test set"),
        (
            "[ood:pq, ood:rs]",
            "[ood:xo]",
            "the validation set 'ood:xo' holds the class x of 'ood:xyz'",
        ),
        ("[ood:pq, ood:rs]", "[id:c]", "the OOD validation set 'id:c' holds the class c"),
        ("[ood:pq, ood:rs]", "[ood:pq, ood:pq]", "'ood:pq' is listed twice"),
        ("max_logit", "{knn: {k: [7, 8]}}", "scorer 'knn' has two grids"),
    ],
)
def test_an_impossible_selection_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(GRID.replace(old, new), tmp_path)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.where


def test_all_means_every_scorer_of_the_catalogue(tmp_path: Path) -> None:
    text = GRID[: GRID.index("select")].replace("[{knn: {k: [5, 1]}}, max_logit]", "[all]")
    text += "pairs: [{id: id:abc, far: [ood:xyz]}]\n"
    assert [one.label for one in read(text, tmp_path).scorers] == list(SCORERS)
    with pytest.raises(InputError, match="scorer 'knn' is listed twice"):
        read(text.replace("[all]", "[all, knn]"), tmp_path)
    more = read(text.replace("[all]", "[all, {knn: {k: 3}}]"), tmp_path)
    assert more.scorers[-1].label == "knn(k=3)"
