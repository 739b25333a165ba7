from __future__ import annotations

from pathlib import Path

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.exposed_images import sample_indices
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.planning.plan import Plan, Representation
from mood_sweeps.planning.stage_inputs import Exposed, Extract, Finetune
from mood_sweeps.planning.stages import Stage, finetune_stage
from tests.support.small_launches import plan_in

SWEEP = """\
name: exposed
axes:
  pretext: [random]
  backbone: [vit_nano]
  finetune:
    - pt+ft
    - {{"pt+ft:outlier_exposure": {{"ft:outlier_exposure": {{exposed: "{exposed}", k: {k}}}}}}}
    - {{"pt+ft:outlier_exposure+probe": {{"ft:outlier_exposure": {{exposed: "{exposed}", k: 1}}}}}}
  scorer: [knn]
  seed: {seeds}
pairs:
  - {{id: digits:0-5, near: [digits:6-9, digits:6], far: [textures]}}
"""


def plan(
    folder: Path, k: str = "[0, 1, 10]", exposed: str = "digits:6-9", seeds: str = "[0, 1]"
) -> Plan:
    return plan_in(SWEEP.format(k=k, exposed=exposed, seeds=seeds), folder)


def tuned(planned: Plan) -> dict[tuple[int, int | None], Stage]:
    """Return the exposing stages by k and seed."""
    found = {}
    for stage in planned.stages():
        if isinstance(stage.work, Finetune) and stage.work.stage.name == "ft:outlier_exposure":
            found[stage.work.stage.parameters.k, stage.work.seed] = stage
    return found


def keys(planned: Plan) -> dict[tuple[int, int | None], str]:
    return {at: stage.key for at, stage in tuned(planned).items()}


def bank(representation: Representation, name: str, split: str) -> Extract:
    work = representation.banks[name, split].work
    assert isinstance(work, Extract)
    return work


def test_a_stage_shows_what_its_seed_draws(tmp_path: Path) -> None:
    whole = image_set("digits:6-9").open("all")
    for (k, seed), stage in tuned(plan(tmp_path)).items():
        assert isinstance(stage.work, Finetune)
        assert seed is not None
        shown = (PlannedSet.of(image_set("digits:6-9")), sample_indices(whole, k, seed))
        assert stage.work.exposed == (shown if k else None)


def test_no_cell_of_the_sweep_is_tested_on_what_any_network_of_it_has_seen(tmp_path: Path) -> None:
    planned = plan(tmp_path)
    seen = {
        place
        for stage in tuned(planned).values()
        if isinstance(stage.work, Finetune) and stage.work.exposed
        for place in stage.work.exposed[1]
    }
    assert len(seen) > 40  # of two seeds
    sixes = image_set("digits:6-9").open("all").labels == 0
    for representation in planned.representations:
        assert bank(representation, "digits:6-9", "all").left_out == tuple(sorted(seen))
        fewer = bank(representation, "digits:6", "all").left_out
        assert len(fewer) == sum(sixes[place] for place in seen)
        assert bank(representation, "textures", "all").left_out == ()
        for split in ("train", "test"):
            assert bank(representation, "digits:0-5", split).left_out == ()


def test_a_checkpoints_key_is_of_what_it_is_shown(tmp_path: Path) -> None:
    first = keys(plan(tmp_path))
    assert len(set(first.values())) == len(first) == 6
    # Whatever else the sweep asks for, or how it spells the set.
    assert (
        keys(plan(tmp_path, k="[10]", exposed="digits:6,7-9", seeds="[1]"))[10, 1] == first[10, 1]
    )
    other = keys(plan(tmp_path, exposed="digits:7-9"))
    assert other[0, 0] == first[0, 0]  # nothing is shown
    assert other[1, 0] != first[1, 0]


def test_a_number_is_of_the_images_that_are_left(tmp_path: Path) -> None:
    def cells(planned: Plan) -> dict[tuple[str, int | None, str], tuple[str, str]]:
        return {
            (cell.representation.finetune, cell.representation.seed, cell.pair.ood_set): (
                cell.cell_key,
                cell.evaluation_key,
            )
            for cell in planned.cells
        }

    first = cells(plan(tmp_path))
    # The largest k decides, not which others there are.
    same = cells(plan(tmp_path, k="[10]"))
    assert all(first[at] == found for at, found in same.items())
    fewer = cells(plan(tmp_path, k="[0, 3]"))
    for at in fewer.keys() & first.keys():
        moved = [one != other for one, other in zip(fewer[at], first[at], strict=True)]
        assert moved == [at[2] != "textures"] * 2


def test_without_exposure_nothing_is_left_out(tmp_path: Path) -> None:
    text = SWEEP.format(k="[0]", exposed="digits:6-9", seeds="[0, 1]")
    without = [line for line in text.splitlines() if "ft:outlier_exposure+probe" not in line]
    planned = plan_in("\n".join(without), tmp_path)
    for representation in planned.representations:
        assert bank(representation, "digits:6-9", "all").left_out == ()
        stage = representation.banks["digits:6-9", "all"]
        assert "left_out" not in stage.content


def test_other_images_are_another_stage(tmp_path: Path) -> None:
    stage = tuned(plan(tmp_path))[1, 0]
    assert isinstance(stage.work, Finetune)
    upstream = next(one for one in plan(tmp_path).stages() if one.ref == stage.work.checkpoint)
    near, id_set = image_set("digits:6-9"), image_set("digits:0-5")

    def key(places: tuple[int, ...]) -> str:
        assert isinstance(stage.work, Finetune)
        exposed = Exposed(near, places)
        return finetune_stage(stage.work.stage, upstream, id_set, 0, exposed).key

    assert stage.work.exposed is not None
    assert key(stage.work.exposed[1]) == stage.key
    assert key((0, 1, 2, 3)) != stage.key
