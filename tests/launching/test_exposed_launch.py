"""Outlier exposure in a whole launch: no exposed image is ever evaluated."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.jobs.score_objects import known_parts
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.planning.missing_calls import group_of
from mood_sweeps.planning.plan import Cell, Representation
from mood_sweeps.planning.stages import Finetune
from tests.support.small_launches import Tried, try_launch

EXPOSED = """\
name: exposed
ensemble: true
axes:
  pretext: [random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune:
    - pt
    - "pt+ft:outlier_exposure":
        "ft:outlier_exposure": {exposed: digits:6-9, k: [0, 10], epochs: 1, batch_size: 128}
  scorer: [msp, knn, odin]
  seed: [0, 1]
pairs:
  - {id: digits:0-5, near: [digits:6-9, digits:7], far: [textures]}
"""

Scores = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    return try_launch(EXPOSED, tmp_path_factory.mktemp("exposed"))


def exposed_places(representation: Representation) -> tuple[int, ...]:
    work = representation.checkpoint.work
    return work.exposed[1] if isinstance(work, Finetune) and work.exposed else ()


def stored_scores(tried: Tried, cell: Cell) -> Scores:
    """Return the scores that the cell's AUROC was computed from, image by image."""
    group = group_of(cell.representation)
    return known_parts(tried.store, group).scores[cell.ood_scores_key]


def scores_of_all(tried: Tried, cell: Cell) -> Scores:
    """Return the scores of every image of the OOD set, from features that are extracted anew."""
    checkpoint = load(tried.store.folder(cell.representation.checkpoint.ref))
    bank = extract(checkpoint, image_set(cell.pair.ood_set).open("all"))
    state = known_parts(tried.store, group_of(cell.representation)).states[cell.fit.key]
    scores: Scores = cell.fit.scorer.parameters.score(state, bank)
    return scores


def test_no_exposed_image_has_a_score(tried: Tried) -> None:
    assert tried.launched.failures == []
    plan = tried.launched.plan
    seen = sorted({place for one in plan.representations for place in exposed_places(one)})
    assert len(seen) > 40
    whole = image_set("digits:6-9").open("all")
    exposed = {whole.images[place].tobytes() for place in seen}
    for cell in plan.cells:
        if cell.scorer_label != "knn":  # no two images have the same knn score
            continue
        if cell.representation.members:  # its banks are those of its members
            continue
        images = image_set(cell.pair.ood_set).open("all").images
        is_exposed = np.array([image.tobytes() in exposed for image in images])
        expected = {"digits:6-9": len(seen), "textures": 0}
        assert is_exposed.sum() == expected.get(cell.pair.ood_set, is_exposed.sum())
        found, of_all = stored_scores(tried, cell), scores_of_all(tried, cell)
        np.testing.assert_allclose(found, of_all[~is_exposed], rtol=1e-5)
        # No score of an exposed image is among the evaluated ones.
        if is_exposed.any():
            nearest = np.abs(found[None] - of_all[is_exposed][:, None]).min(axis=1)
            assert (nearest > 0).all()


def test_every_cell_tests_on_the_same_images_and_notes_how_many_are_left_out(
    tried: Tried,
) -> None:
    rows = tried.query("select distinct ood_set, n_ood from results order by ood_set")
    n_shown = len({p for one in tried.launched.plan.representations for p in exposed_places(one)})
    (near, n_near), (seven, n_seven), far = rows
    assert (near, n_near) == ("digits:6-9", 714 - n_shown)
    assert (seven, n_seven < 179) == ("digits:7", True)
    assert far == ("textures", 400)
    left_out = f"{n_shown} OOD images left out: exposed to"
    for ood_set, note in tried.query("select ood_set, note from results"):
        said = [part for part in (note or "").split("; ") if "left out" in part]
        assert said == [left_out] or ood_set != near
        assert said == [] or ood_set != "textures"
    assert tried.query("select count(*) from results where auroc is null") == [(0,)]


def test_scorers_that_use_the_network_see_the_same_images(tried: Tried) -> None:
    odin = [cell for cell in tried.launched.plan.cells if cell.scorer_label == "odin"]
    assert odin
    for cell in odin:
        (at,) = tried.query(f"select n_ood from results where cell_key = '{cell.cell_key}'")
        assert len(stored_scores(tried, cell)) == at[0]


def test_a_larger_k_keeps_the_checkpoints_and_tests_anew(tried: Tried, tmp_path: Path) -> None:
    folder = shutil.copytree(tried.folder, tmp_path / "again")
    again = try_launch(EXPOSED.replace("[0, 10]", "[0, 10, 12]"), folder)
    assert again.launched.failures == []
    before, after = (set(one.store.refs("finetune")) for one in (tried, again))
    assert before < after
    assert len(after) == len(before) + 2  # k = 12, for two seeds
    rows = again.query("select distinct n_ood from results where ood_set = 'digits:6-9'")
    n_shown = len({p for one in again.launched.plan.representations for p in exposed_places(one)})
    assert rows == [(714 - n_shown,)]
