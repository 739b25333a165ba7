from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment import Sweep, load_sweep
from mood_sweeps.experiment.catalogues import shipped

SWEEP = """\
name: exposed
axes:
  pretext: [random]
  backbone: [vit_nano]
  finetune:
    - pt
    - pt+ft:outlier_exposure:
        ft:outlier_exposure:
          exposed: digits:6-9
          k: [0, 10]
  scorer: [msp]
  seed: [0, 1, 2]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [photos]}
"""


def sweep_of(folder: Path, text: str) -> Sweep:
    file = folder / "sweep.yaml"
    file.write_text(text)
    return load_sweep(file)


def problem(folder: Path, *changes: tuple[str, str]) -> Problem:
    """Return the one problem of SWEEP with these texts replaced."""
    text = SWEEP
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    with pytest.raises(InputError) as caught:
        sweep_of(folder, text)
    (found,) = caught.value.problems
    return dataclasses.replace(found, where=found.where.removeprefix(f"{folder}/"))


def test_labels_hold_the_canonical_set_name_and_k(tmp_path: Path) -> None:
    for spelling in ("digits:6-9", "digits:6,7,9,8"):
        sweep = sweep_of(tmp_path, SWEEP.replace("exposed: digits:6-9", f"exposed: {spelling}"))
        assert [finetune.label for finetune in sweep.finetunes] == [
            "pt",
            "pt+ft:outlier_exposure(exposed=digits:6-9, k=0)",
            "pt+ft:outlier_exposure(exposed=digits:6-9, k=10)",
        ]


@pytest.mark.parametrize(
    ("old", "new", "line", "phrase"),
    [
        ("exposed: digits:6-9", "exposed: digit:6-9", 9, "did you mean 'digits'"),
        ("exposed: digits:6-9", "exposed: digits:6-11", 9, "digits:6-11"),
        ("exposed: digits:6-9", "exposed: 3", 9, "parameter 'exposed'"),
        ("          exposed: digits:6-9\n", "", 8, "parameter 'exposed': field required"),
        ("          k: [0, 10]\n", "", 8, "parameter 'k': field required"),
        ("k: [0, 10]", "k: [0, -1]", 10, "greater than or equal to 0"),
        ("k: [0, 10]", "k: [0, 175]", 10, "shows 175 images of each class, and class '8' of"),
        ("exposed: digits:6-9", "exposed: digits:5-6", 14, "holds the class 5 of 'digits:5-6'"),
        # 150 of about 180 images, drawn by three seeds: one digit has no image left.
        ("k: [0, 10]", "k: [150]", 14, "no image of class '7' of 'digits:6-9' is left to test on"),
    ],
)
def test_a_wrong_exposure_is_reported_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, phrase: str
) -> None:
    found = problem(tmp_path, (old, new))
    assert phrase in found.message
    assert found.where == f"sweep.yaml:{line}"


def test_every_image_of_a_set_that_is_not_tested_may_be_exposed(tmp_path: Path) -> None:
    text = SWEEP.replace("k: [0, 10]", "k: [150]").replace("near: [digits:6-9], ", "")
    assert len(sweep_of(tmp_path, text).finetunes) == 2


def test_a_validation_set_needs_images_that_are_not_exposed(tmp_path: Path) -> None:
    found = problem(
        tmp_path,
        ("k: [0, 10]", "k: [150]"),
        ("near: [digits:6-9], ", "ood_val: [digits:7], "),
        ("[msp]", "[{knn: {k: [1, 2]}}]"),
        ("pairs:", "select: {on: id_val+ood_val}\npairs:"),
    )
    assert "no image of class '7' of 'digits:7' is left to test on" in found.message


@dataclasses.dataclass(frozen=True)
class _Nameless:
    """A set of images without classes, which must not be loaded."""

    name: str = "nameless"
    source: str = "nameless"
    classes: tuple[str, ...] = ()


def test_a_set_without_classes_is_refused(tmp_path: Path) -> None:
    def find(name: str) -> ImageSet:
        return _Nameless() if name == "nameless" else image_set(name)  # type: ignore[return-value]

    file = tmp_path / "sweep.yaml"
    file.write_text(SWEEP.replace("exposed: digits:6-9", "exposed: nameless"))
    with pytest.raises(InputError, match="'nameless' has no classes"):
        load_sweep(file, catalogues=dataclasses.replace(shipped(), image_set=find))


def test_rules_may_name_the_stage_as_the_file_writes_it(tmp_path: Path) -> None:
    label = "pt+ft:outlier_exposure(exposed=digits:6-9, k=0)"
    sweep = sweep_of(tmp_path, SWEEP + f"exclude: [{{finetune: '{label}'}}]\n")
    assert dict(sweep.exclude[0].matches) == {"finetune": (label,)}


def test_outlier_exposure_as_a_scorer_is_refused_with_a_hint_to_the_stage(tmp_path: Path) -> None:
    found = problem(tmp_path, ("[msp]", "[msp, outlier_exposure]"))
    assert "fine-tune by 'ft:outlier_exposure', score by 'msp'" in found.message
    assert found.where == "sweep.yaml:11"
