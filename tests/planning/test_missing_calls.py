from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pytest

from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.missing_calls import calls_for
from mood_sweeps.planning.plan import Cell, Plan
from mood_sweeps.store import Ref
from tests.support.planned_sweeps import NamedImages, plan_of

SWEEP = """\
name: missing
corpus: id:ef
axes:
  pretext: [mim, random]
  backbone: [vit_nano]
  finetune: [pt, pt+ft]
  scorer: [msp, knn]
  seed: [0, 1]
pairs:
  - {id: id:ab, near: [ood:x], far: [ood:y]}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of(SWEEP, tmp_path)


def calls(plan: Plan, cells: Collection[Cell], there: Iterable[Ref] = ()) -> tuple[Call, ...]:
    found = calls_for(plan, cells, set(there).__contains__, NamedImages)
    assert_inputs_come_first(found, set(there))
    return found


def assert_inputs_come_first(found: tuple[Call, ...], there: set[Ref]) -> None:
    keys = [call.key for call in found]
    assert len(set(keys)) == len(keys)
    for call in found:
        assert set(call.needs) <= there
        assert not set(call.makes) & there
        there |= set(call.makes)


def everything(plan: Plan) -> set[Ref]:
    return {stage.ref for stage in plan.stages()}


def cells_of(plan: Plan, wanted: Callable[[Cell], bool]) -> list[Cell]:
    found = [cell for cell in plan.cells if wanted(cell)]
    assert found
    return found


def test_an_empty_store_brings_every_stage_once(plan: Plan) -> None:
    found = calls(plan, plan.cells)
    counts = plan.stage_counts()
    by_kind = {
        kind: sum(call.units for call in found if call.kind == kind)
        for kind in ("pretrain", "finetune", "extract", "score")
    }
    assert by_kind == {
        "pretrain": counts["pretrain"],
        "finetune": counts["finetune"],
        "extract": counts["extract"],
        "score": len(plan.cells),
    }


def test_no_open_cell_no_call(plan: Plan) -> None:
    assert calls(plan, []) == ()


def test_all_extractions_of_a_checkpoint_are_one_call(plan: Plan) -> None:
    extractions = [call for call in calls(plan, plan.cells) if call.kind == "extract"]
    assert len(extractions) == 8  # pretexts × finetunes × seeds
    assert {call.units for call in extractions} == {4}


def test_all_scorers_of_a_representation_are_one_call(plan: Plan) -> None:
    scorings = [call for call in calls(plan, plan.cells) if call.scoring is not None]
    assert len(scorings) == 8
    evaluated = [one.evaluation_key for call in scorings for one in call.scoring.evaluations]
    assert sorted(evaluated) == sorted(cell.evaluation_key for cell in plan.cells)


def test_a_full_store_needs_scoring_only(plan: Plan) -> None:
    found = calls(plan, plan.cells, everything(plan))
    assert {call.kind for call in found} == {"score"}


def test_an_evicted_bank_is_not_made_again_for_numbers_that_exist(plan: Plan) -> None:
    far = cells_of(plan, lambda cell: cell.pair.distance == "far")
    evicted = {
        one.banks[at].ref
        for one in plan.representations
        for at in one.banks
        if at == ("ood:x", "all")
    }
    assert len(evicted) == 8
    found = calls(plan, far, everything(plan) - evicted)
    assert {call.kind for call in found} == {"score"}
    assert not evicted & {ref for call in found for ref in call.needs}


def test_a_missing_bank_brings_nothing_but_itself(plan: Plan) -> None:
    one = plan.cells[0].representation
    lost = one.banks["ood:x", "all"].ref
    found = calls(plan, plan.cells, everything(plan) - {lost})
    (extraction,) = [call for call in found if call.kind != "score"]
    assert extraction.makes == (lost,)
    assert extraction.needs == (one.checkpoint.ref,)


def test_a_missing_bank_of_a_missing_checkpoint_brings_its_chain_only(plan: Plan) -> None:
    one = next(one for one in plan.representations if len(one.chain) == 2)
    lost = {*(stage.ref for stage in one.chain), one.banks["ood:x", "all"].ref}
    found = calls(plan, plan.cells, everything(plan) - lost)
    assert [call.kind for call in found if call.kind != "score"] == [
        "pretrain",
        "finetune",
        "extract",
    ]
    assert {ref for call in found for ref in call.makes} == lost


def test_a_checkpoint_that_is_there_needs_no_ancestors(plan: Plan) -> None:
    one = next(one for one in plan.representations if len(one.chain) == 2)
    mine = cells_of(plan, lambda cell: cell.representation is one)
    found = calls(plan, mine, {one.checkpoint.ref})
    assert [call.kind for call in found] == ["extract", "score"]


def test_scoring_with_a_head_needs_the_checkpoint_that_holds_it(plan: Plan) -> None:
    with_head = next(one for one in plan.representations if one.head_set is not None)
    headless = next(one for one in plan.representations if one.head_set is None)
    banks = {stage.ref for stage in plan.stages() if stage.kind == "extract"}

    mine = cells_of(plan, lambda cell: cell.representation is with_head)
    assert [call.kind for call in calls(plan, mine, banks)] == ["pretrain", "finetune", "score"]

    mine = cells_of(plan, lambda cell: cell.representation is headless)
    assert [call.kind for call in calls(plan, mine, banks)] == ["score"]


def test_one_more_seed_brings_only_that_seeds_calls(plan: Plan) -> None:
    open_cells = cells_of(plan, lambda cell: cell.representation.seed == 1)
    old = {
        stage.ref
        for one in plan.representations
        if one.seed == 0
        for stage in (*one.chain, *one.banks.values())
    }
    found = calls(plan, open_cells, old)
    assert all("seed 1" in call.label for call in found)
    assert sum(call.kind == "pretrain" for call in found) == 2


def test_a_scoring_call_knows_both_sides_classes(plan: Plan) -> None:
    scoring = next(call.scoring for call in calls(plan, plan.cells) if call.scoring is not None)
    assert scoring.id_classes == ("a", "b")
    assert {one.ood_classes for one in scoring.evaluations} == {("x",), ("y",)}
