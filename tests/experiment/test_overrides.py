from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.experiment import Sweep, load_sweep

TEXT = """\
# question
# command

# not of the opening
name: small
axes:
  pretext: [mim, {mocov3: {epochs: 3}}]
  backbone: [vit_nano]
  finetune: [pt+ft]
  scorer: [msp, knn]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(TEXT)
    return path


def changed(file: Path, *overrides: str) -> Sweep:
    return load_sweep(file, overrides)


def problems(file: Path, *overrides: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_sweep(file, overrides)
    return [str(problem) for problem in caught.value.problems]


def test_values_are_yaml(file: Path) -> None:
    assert changed(file, "axes.seed=[0, 1,2]").seeds == (0, 1, 2)
    assert changed(file, "name=foo").name == "foo"
    assert changed(file, "corpus=digits:0-5").corpus == "digits:0-5"
    (choice,) = changed(file, "axes.pretext=[{mim: {learning_rate: 1e-4}}]").pretexts
    assert choice.parameters.learning_rate == 1e-4


def test_a_later_override_wins(file: Path) -> None:
    assert changed(file, "axes.seed=[1]", "axes.seed=[2]").seeds == (2,)
    assert changed(file, "axes.seed=[1]", "axes.seed.0=7").seeds == (7,)


def test_a_bare_name_takes_parameters(file: Path) -> None:
    sweep = changed(file, "axes.pretext.0.mim.epochs=5", "axes.pretext.0.mim.mask_ratio=0.25")
    assert sweep.pretexts[0].label == "mim(epochs=5, mask_ratio=0.25)"
    assert changed(file, "axes.pretext.1.mocov3.epochs=4").pretexts[1].parameters.epochs == 4


def test_a_number_selects_a_list_item(file: Path) -> None:
    (pair,) = changed(file, "pairs.0.near=[digits:8-9]").pairs
    assert pair.ood_set == "digits:8-9"


def test_a_missing_key_is_added(file: Path) -> None:
    sweep = changed(file, "exclude=[{scorer: knn}]", "pairs.0.far=[photos]")
    assert [rule.label for rule in sweep.exclude] == ["exclude {scorer: knn}"]
    assert [pair.ood_set for pair in sweep.pairs] == ["digits:6-9", "photos"]


def test_the_source_holds_the_overridden_values(file: Path, tmp_path: Path) -> None:
    assert load_sweep(file).source == TEXT
    sweep = changed(file, "axes.seed=[4]", "axes.pretext.0.mim.learning_rate=1e-5")
    assert sweep.source.startswith("# question\n# command\n\nname: small\n")
    again = tmp_path / "again.yaml"
    again.write_text(sweep.source)
    assert load_sweep(again).content == sweep.content


def test_the_file_itself_is_not_changed(file: Path) -> None:
    changed(file, "name=foo")
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    ("override", "phrase"),
    [
        ("axes.seed", "must have the form key=value"),
        ("=3", "must have the form key=value"),
        ("axes..seed=3", "must have the form key=value"),
        ("axes.sed=[0]", "unknown axis 'sed'; did you mean 'seed'?"),
        ("axs.seed=[0]", "unknown key 'axs'; did you mean 'axes'?"),
        ("axes.pretext.2=mim", "axes.pretext is a list with items 0 to 1; '2' is none of them"),
        ("axes.pretext.-1=mim", "'-1' is none of them"),
        ("axes.pretext.first=mim", "'first' is none of them"),
        ("axes.pretext.0.mocov3.epochs=1", "axes.pretext.0 is the text 'mim'"),
        ("name.first=x", "name is the text 'small', which has no 'first'"),
        ("axes.seed=[0, -1]", "a seed must be a whole number"),
        ("axes.seed=", "axis 'seed' is empty"),
        ("name=[", "not YAML"),
        ("name=a: b: c", "not YAML"),
        ("pairs.0={id: digits:0-5, id: digits, near: [photos]}", "'id' is given twice"),
        ("axes.pretext.0.mim.epoch=5", "no parameter 'epoch'; did you mean 'epochs'?"),
        ("name=a/b", "cannot be used"),
        ("axes.pretext.999999999999999999=mim", "none of them"),
    ],
)
def test_a_wrong_override_is_named_in_its_problem(file: Path, override: str, phrase: str) -> None:
    (problem,) = problems(file, override)
    assert problem.startswith(f"--set {override}: ")
    assert phrase in problem


def test_problems_of_overrides_follow_those_of_the_file(file: Path) -> None:
    file.write_text(TEXT.replace("name: small", "nam: small"))
    found = problems(file, "axes.sed=[0]", "novalue")
    assert [line.partition(": ")[0] for line in found] == [
        f"{file}:5",
        f"{file}:5",
        "--set axes.sed=[0]",
        "--set novalue",
    ]
