from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.planning.fits import Selection
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.plan import Cell, Plan
from tests.support.planned_sweeps import NamedImages, plan_of, read

AXES: dict[str, list[Any]] = {
    "pretext": ["mim", "mocov3", "classification", "random"],
    "backbone": ["vit_nano", "resnet_nano"],
    "finetune": ["pt", "pt+ft"],
    "scorer": ["msp", "knn", "vim"],
    "seed": [0, 1, 2],
}
OOD = {"near": ["ood:a", "id:c"], "far": ["ood:b"]}
RULE_VALUES = {**AXES, "id": ["id:ab"], "ood": ["ood:a", "ood:b", "id:c"], "distance": [*OOD]}


def subset(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True)


@st.composite
def sweeps(draw: st.DrawFn) -> dict[str, Any]:
    axes = {axis: draw(subset(values)) for axis, values in AXES.items()}
    near, far = draw(subset(OOD["near"])), draw(subset(OOD["far"]))
    on_axis = {**axes, "id": ["id:ab"], "ood": [*near, *far], "distance": ["near", "far"]}
    rules = []
    for _ in range(draw(st.integers(0, 3))):
        named = draw(subset(list(RULE_VALUES)))
        rules.append({axis: draw(subset(on_axis[axis])) for axis in named})
    unique = {repr([(axis, sorted(rule[axis])) for axis in sorted(rule)]): rule for rule in rules}
    return {
        "name": "random",
        "axes": axes,
        "pairs": [{"id": "id:ab", "near": near, "far": far}],
        "exclude": list(unique.values()),
    }


def has_head(pretext: str, finetune: str) -> bool:
    # Without a corpus, what classification saw is the ID set.
    return finetune == "pt+ft" or pretext == "classification"


def brute_force(sweep: dict[str, Any]) -> tuple[list[tuple[Any, ...]], Counter[str]]:
    """Return the cells and the number removed, by nothing but the rules' own words."""
    (pair,) = sweep["pairs"]
    kept, removed = [], Counter[str]()
    for pretext, backbone, finetune, scorer, seed in product(*sweep["axes"].values()):
        for distance in ("near", "far"):
            for ood in pair[distance]:
                values = {
                    "pretext": pretext,
                    "backbone": backbone,
                    "finetune": finetune,
                    "scorer": scorer,
                    "seed": seed,
                    "id": pair["id"],
                    "ood": ood,
                    "distance": distance,
                }
                if pretext == "mim" and backbone == "resnet_nano":
                    removed["mim"] += 1
                elif scorer in ("msp", "vim") and not has_head(pretext, finetune):
                    removed["the"] += 1
                elif any(
                    all(values[axis] in allowed for axis, allowed in rule.items())
                    for rule in sweep["exclude"]
                ):
                    removed["exclude"] += 1
                else:
                    kept.append(tuple(values.values()))
    return kept, removed


def axes_of(cell: Cell) -> tuple[Any, ...]:
    one = cell.representation
    return (
        one.pretext,
        one.backbone,
        one.finetune,
        cell.scorer_label,
        one.seed,
        cell.pair.id_set,
        cell.pair.ood_set,
        cell.pair.distance,
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sweep=sweeps())
def test_the_grid_is_the_product_less_what_rules_remove(
    sweep: dict[str, Any], tmp_path: Path
) -> None:
    kept, removed = brute_force(sweep)
    text = yaml.safe_dump({name: value for name, value in sweep.items() if value})
    if not kept:
        with pytest.raises(InputError, match="the rules leave no cell"):
            plan_of(text, tmp_path)
        return
    plan = plan_of(text, tmp_path)
    assert sorted(map(axes_of, plan.cells)) == sorted(kept)
    by_rule: Counter[str] = Counter()
    for rule, number in plan.removed.items():
        by_rule[rule.split()[0]] += number
    assert by_rule == removed
    total = len(list(product(*sweep["axes"].values()))) * sum(
        len(sweep["pairs"][0][distance]) for distance in OOD
    )
    assert len(plan.cells) + sum(plan.removed.values()) == total
    assert len({cell.cell_key for cell in plan.cells}) == len(plan.cells)
    assert_stages_are_those_cells_need(plan)


def assert_stages_are_those_cells_need(plan: Plan) -> None:
    needed: dict[str, set[str]] = {"pretrain": set(), "finetune": set(), "extract": set()}
    for cell in plan.cells:
        one = cell.representation
        id_set = one.id_set
        for stage in one.chain:
            needed[stage.kind].add(stage.key)
        for at in ((id_set, "train"), (id_set, "test"), (cell.pair.ood_set, "all")):
            needed["extract"].add(one.banks[at].key)
    planned = list(plan.stages())
    assert {kind: set() for kind in needed} | {
        kind: {stage.key for stage in planned if stage.kind == kind} for kind in needed
    } == needed
    made = set()
    for stage in planned:  # inputs before what needs them, each once
        assert stage.ref not in made
        assert set(stage.inputs) <= made
        made.add(stage.ref)


SHARED = """\
name: shared
{corpus}
axes:
  pretext: [{pretexts}]
  backbone: [vit_nano]
  finetune: [pt, pt+ft]
  scorer: [msp, knn]
  seed: [0, 1]
pairs:
  - {{id: id:ab, near: [ood:x]}}
  - {{id: id:cd, near: [ood:x], far: [ood:y]}}
"""


def shared(tmp_path: Path, pretexts: str, corpus: str = "") -> Plan:
    return plan_of(SHARED.format(pretexts=pretexts, corpus=corpus), tmp_path)


def test_each_id_set_is_its_own_corpus_unless_one_is_given(tmp_path: Path) -> None:
    assert shared(tmp_path, "mim").stage_counts()["pretrain"] == 4  # seeds × ID sets
    with_corpus = shared(tmp_path, "mim", "corpus: id:ef")
    assert with_corpus.stage_counts()["pretrain"] == 2
    assert with_corpus.stage_counts()["finetune"] == 4


def test_a_pretext_that_reads_no_corpus_does_not_depend_on_it(tmp_path: Path) -> None:
    plan = shared(tmp_path, "random")
    assert plan.stage_counts()["pretrain"] == 2  # one for each seed, whatever the ID set
    keys = {cell.evaluation_key for cell in plan.cells}
    other = {cell.evaluation_key for cell in shared(tmp_path, "random", "corpus: id:ef").cells}
    assert keys == other


def test_stage_counts_by_hand(tmp_path: Path) -> None:
    counts = shared(tmp_path, "random, mim", "corpus: id:ef").stage_counts()
    # By checkpoint: pt serves both ID sets (2 × train and test, x, y), pt+ft one each: 4 with y,
    # 3 without. msp needs a head, which pt has not.
    assert counts == {
        "pretrain": 2 * 2,
        "finetune": 2 * 2 * 2,
        "extract": 2 * 2 * (6 + 3 + 4),
        "fit": 2 * 2 * (2 * 1 + 2 * 2),
        "score": 2 * 2 * (1 * 2 + 1 * 3 + 2 * 2 + 2 * 3),
        "evaluate": 2 * 2 * (1 * 1 + 1 * 2 + 2 * 1 + 2 * 2),
    }


def test_stages_that_start_alike_share_their_start(tmp_path: Path) -> None:
    plan = shared(tmp_path, "mim", "corpus: id:ef")
    starts = {(one.seed, one.chain[0].key) for one in plan.representations if one.pretext == "mim"}
    assert len(starts) == 2
    for one in plan.representations:
        if one.finetune == "pt+ft":
            assert one.chain[1].inputs == (one.chain[0].ref,)


def test_predictions_come_from_a_head_of_the_same_classes_only(tmp_path: Path) -> None:
    plan = shared(tmp_path, "classification", "corpus: id:ef")
    found = {
        (one.finetune, one.head_set == one.id_set): one.predictions for one in plan.representations
    }
    assert found == {("pt", False): "nearest class mean", ("pt+ft", True): "head"}
    own = shared(tmp_path, "classification")
    assert {one.predictions for one in own.representations} == {"head"}


def test_a_stage_that_draws_nothing_is_named_without_a_seed(tmp_path: Path) -> None:
    text = """\
name: probes
axes:
  {pretext: [mim], backbone: [vit_nano], finetune: [pt+ft, pt+probe], scorer: [msp], seed: [0, 1]}
pairs: [{id: id:ab, near: [ood:x]}]
"""
    chains = [one.chain for one in plan_of(text, tmp_path).representations]
    seeds = {(chain[1].content["stage"]["name"], chain[1].content.get("seed")) for chain in chains}
    assert seeds == {("ft", 0), ("ft", 1), ("probe", None)}
    # What is trained before it is seeded, so there are as many probes as seeds.
    assert len({chain[1].key for chain in chains}) == 4


def test_only_what_trains_a_detector_is_scored_by_it(tmp_path: Path) -> None:
    text = """\
name: detector
axes:
  pretext: [classification]
  backbone: [vit_nano]
  finetune: [pt, pt+ft, "pt+ft:ssod", "pt+ft:ssod+probe"]
  scorer: [ssod]
pairs: [{id: id:ab, near: [ood:x]}]
"""
    plan = plan_of(text, tmp_path)
    assert [cell.representation.finetune for cell in plan.cells] == ["pt+ft:ssod"]
    assert plan.removed == {"the scorer needs a detector: ft:ssod alone trains one": 3}


def test_a_rule_that_removes_nothing_is_counted_too(tmp_path: Path) -> None:
    text = """\
name: idle
axes: {pretext: [mocov3], backbone: [vit_nano], finetune: [pt], scorer: [msp, knn]}
pairs: [{id: id:ab, near: [ood:x]}]
exclude: [{scorer: msp}]
"""
    plan = plan_of(text, tmp_path)  # without a head there is no msp to exclude
    assert plan.removed["exclude {scorer: msp}"] == 0
    assert sum(plan.removed.values()) == 1


def test_a_plan_and_its_cells_read_well_in_a_notebook(tmp_path: Path) -> None:
    plan = shared(tmp_path, "classification")
    shown = repr([plan, *plan.cells, *plan.representations]).split(">, <")
    assert shown[0].startswith(f"[<Plan {plan.sweep.name}: {len(plan.cells)} cells → ")
    assert max(map(len, shown)) < 200


def test_rules_that_leave_nothing_say_what_each_removed(tmp_path: Path) -> None:
    text = """\
name: none
axes: {pretext: [mim], backbone: [vit_nano, resnet_nano], finetune: [pt], scorer: [msp, knn]}
pairs: [{id: id:ab, near: [ood:x]}]
exclude: [{scorer: knn}]
"""
    with pytest.raises(InputError) as caught:
        plan_of(text, tmp_path)
    message = str(caught.value)
    assert "sweep.yaml:4: the rules leave no cell" in message
    for reason in (
        "mim trains vit backbones only, resnet_nano is a cnn: 2",
        "the scorer needs a head: the representation is headless: 1",
        "exclude {scorer: knn}: 1",
    ):
        assert reason in message


SELECT = """\
name: select
axes:
  pretext: [classification]
  backbone: [resnet_nano]
  finetune: [pt]
  scorer: [{knn: {k: [1, 5]}}]
select: {on: id_val+ood_val}
pairs: [{id: id:abc, far: [ood:xyz], ood_val: [ood:pq]}]
"""


def test_a_selection_shares_the_fits_of_its_grid(tmp_path: Path) -> None:
    plan = plan_of(SELECT, tmp_path)
    one, five, selected = plan.cells
    assert selected.scorer_label == "knn(selected)"
    assert isinstance(selected.fit, Selection)
    assert selected.fit.candidates == (one.fit, five.fit)
    assert [bank.label.split(" of ")[0] for bank in selected.banks] == [
        "id:abc/train",
        "id:abc/test",
        "id:abc/val",
        "ood:pq/all",
        "ood:xyz/all",
    ]
    assert plan.stage_counts() == {
        "pretrain": 1,
        "extract": 5,
        "fit": 2,
        "select": 1,
        "score": 10,  # three cells on two test banks, two candidates on two validation banks
        "evaluate": 3,
    }


def test_what_is_selected_from_and_on_is_in_the_key(tmp_path: Path) -> None:
    def key(old: str = "", new: str = "") -> str:
        return (
            plan_of(SELECT.replace(old, new) if old else SELECT, tmp_path).cells[-1].evaluation_key
        )

    assert key("[1, 5]", "[5, 1]") == key()
    assert key("ood_val: [ood:pq]", "ood_val: [ood:pq, ood:rs]") != key()
    assert key("[1, 5]", "[1, 5, 7]") != key()


@dataclass(frozen=True)
class LearnsFromVal:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()
    fits_on: ClassVar[str] = "id_val"


def test_a_scorer_is_fitted_on_the_split_it_asks_for(tmp_path: Path) -> None:
    sweep = read(SELECT.replace("{knn: {k: [1, 5]}}", "{knn: {k: [1, 5]}}, msp"), tmp_path)
    sweep = dataclasses.replace(sweep, scorers=(Choice("val", LearnsFromVal()),), ood_val={})
    (cell,) = expand(sweep, NamedImages).cells
    assert cell.fit.banks == (cell.representation.banks["id:abc", "val"],)
    assert cell.fit.banks[0] in cell.banks
    assert cell.fit.note == ""

    class NoVal(NamedImages):
        splits = ("train", "test", "all")

    (cell,) = expand(sweep, NoVal).cells
    assert cell.fit.banks == (cell.representation.banks["id:abc", "train"],)
    assert cell.fit.note == "fitted on ID train: there is no ID validation set"
