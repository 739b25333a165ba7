from __future__ import annotations

from pathlib import Path

import pytest

import mood_sweeps as ms
from tests.support.image_folders import write_images

SWEEP = """\
name: mine
data:
  pets: {folder: pets, split: {train: 0.6, val: 0.1, test: 0.3}}
  others: {folder: others}
axes: {pretext: [random], backbone: [vit_nano], finetune: [pt], scorer: [knn], seed: [0]}
pairs:
  - {id: pets, far: [others]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path / "pets" / "cat", 0, 30)
    write_images(tmp_path / "pets" / "dog", 120, 30)
    write_images(tmp_path / "others", 60, 5)
    return tmp_path


def planned(folder: Path, text: str, **options: object) -> ms.Plan:
    file = folder / "mine.yaml"
    file.write_text(text)
    return ms.plan(ms.load_sweep(file, **options))  # type: ignore[arg-type]


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ms.InputError) as refused:
        planned(folder, text)
    return [str(one).replace(str(folder), "").lstrip("/") for one in refused.value.problems]


def keys(plan: ms.Plan) -> list[str]:
    return [cell.cell_key for cell in plan.cells]


@pytest.mark.parametrize(
    "id_set",
    [
        "{set: pets, classes: [dog], take: 9}",
        "\n      set: pets\n      classes:\n        - dog\n      take: 9",
        '"pets:dog~9"',
        "{set: pets, take: 9, classes: dog}",
    ],
)
def test_every_spelling_of_a_selection_is_one_set(folder: Path, id_set: str) -> None:
    item = f"  - id: {id_set}\n    far: [others]\n"
    plan = planned(folder, SWEEP.replace("  - {id: pets, far: [others]}\n", item))
    assert {cell.pair.id_set for cell in plan.cells} == {"pets:dog~9"}


def test_a_moved_folder_keeps_its_keys_and_a_changed_byte_gives_new_ones(folder: Path) -> None:
    before = keys(planned(folder, SWEEP))
    (folder / "pets").rename(folder / "animals")
    moved = SWEEP.replace("folder: pets", "folder: animals")
    assert keys(planned(folder, moved)) == before
    file = folder / "animals" / "cat" / "000.jpg"
    file.write_bytes(file.read_bytes() + b"\0")
    assert keys(planned(folder, moved)) != before


def test_relative_paths_are_looked_for_under_data_roots(folder: Path) -> None:
    before = keys(planned(folder, SWEEP))
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    assert keys(planned(elsewhere, SWEEP, data_roots=[folder])) == before


def test_all_problems_are_named_with_their_lines(folder: Path) -> None:
    (folder / "pets" / "dog" / "000.jpg").write_bytes(b"no image")
    text = SWEEP.replace("others: {folder", "others: {floder").replace(
        "far: [others]", "near: [photos, 'pets:dgo'], far: [others]"
    )
    found = problems(folder, text)
    assert found[0].startswith("mine.yaml:4: one of folder, list")
    assert "did you mean 'folder'" in found[0]
    assert all("mine.yaml:7: " in one for one in found[1:])
    assert any("dog/000.jpg" in one for one in found)
    assert not any("others" in one for one in found[1:])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[pets]", "'data' must be a mapping"),
        ("{digits: {folder: pets}}", "there is a built-in image set 'digits'"),
        ("{'a b': {folder: pets}}", "'a b' is no name of an image set"),
        ("{pets: pets}", "defines no images"),
        ("{pets: {folder: lost}}", "lost"),
        ("{pets: {folder: pets, splt: {}}}", "did you mean 'split'"),
        ("{pets: {folder: pets, npz: a.npz}}", "from one of them"),
    ],
)
def test_what_defines_no_images_is_refused(folder: Path, data: str, message: str) -> None:
    text = SWEEP[: SWEEP.index("data:")] + f"data: {data}\n" + SWEEP[SWEEP.index("axes") :]
    assert any(message in one for one in problems(folder, text))


def test_a_set_without_a_train_split_is_an_ood_set_only(folder: Path) -> None:
    text = SWEEP.replace("{id: pets, far: [others]}", "{id: others, far: [pets]}")
    assert any("'others' has no train split" in one for one in problems(folder, text))


def test_the_progress_of_reading_is_told_in_bytes(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    planned(folder, SWEEP, progress=lambda done, total: told.append((done, total)))
    assert told
    assert told[-1][0] == told[-1][1] > 0


def test_images_that_are_skipped_are_in_the_note_of_every_row(folder: Path) -> None:
    (folder / "pets" / "dog" / "000.jpg").write_bytes(b"no image")
    text = SWEEP.replace("{folder: pets,", "{folder: pets, on_corrupt: skip,")
    plan = planned(folder, text)
    launched = ms.launch(plan, home=folder / "home", executor="inline", mlflow=False)
    (note,) = launched.frame()["note"]
    assert "1 of 60 images of pets cannot be read" in note
