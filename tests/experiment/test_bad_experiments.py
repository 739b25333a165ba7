"""Errors in experiment files: each is one problem with its line and the allowed values."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment import load_sweep

GOOD = """\
# the first line
name: small
corpus: digits:0-5
axes:
  pretext: [{mim: {epochs: 3}}, random]
  backbone: [vit_nano, resnet_nano]
  finetune: [pt, pt+ft]
  scorer: [msp, knn, {knn: {k: 7}}]
  seed: [0, 1]
pairs:
  - id: digits:0-5
    near: [digits:6-9]
    far: [photos, gaussian]
exclude: [{backbone: resnet_nano, scorer: knn}]
"""


def problems_of(folder: Path, text: str | bytes) -> tuple[Problem, ...]:
    """Load ``text`` from a file and return its problems, none if it is fine."""
    file = folder / "small.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        load_sweep(file)
    except InputError as error:
        return error.problems
    return ()


def with_line(number: int, line: str) -> str:
    """Return GOOD with one of its lines replaced."""
    lines = GOOD.splitlines()
    lines[number - 1] = line
    return "\n".join(lines) + "\n"


def test_the_good_file_has_no_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path, GOOD) == ()


# (line, its wrong text, phrases of the one problem on that line)
WRONG_LINES = [
    # unknown names
    (3, "corpis: digits:0-5", ["unknown key 'corpis'", "did you mean 'corpus'", "allowed: axes"]),
    (9, "  sed: [0, 1]", ["unknown axis 'sed'", "did you mean 'seed'", "pretext"]),
    (5, "  pretext: [mimm, random]", ["unknown pretext 'mimm'", "did you mean 'mim'", "mocov3"]),
    (6, "  backbone: [vit_nan, resnet_nano]", ["unknown backbone", "did you mean 'vit_nano'"]),
    (7, "  finetune: [pt, pt+fx]", ["unknown stage 'fx'", "allowed: ft"]),
    (7, "  finetune: [ft]", ["must start with 'pt'"]),
    (8, "  scorer: [msp, knnn, knn]", ["unknown scorer 'knnn'", "did you mean 'knn'", "energy"]),
    (11, "  - id: digit:0-5", ["unknown image set 'digit:0-5'", "did you mean 'digits'"]),
    (12, "    near: [digits:6-12]", ["digits:6-12"]),
    (13, "    far: [photo, gaussian]", ["unknown image set 'photo'", "did you mean 'photos'"]),
    (13, "    fur: [photos, gaussian]", ["unknown key of a pair 'fur'", "did you mean 'far'"]),
    (3, "corpus: digitz", ["unknown image set 'digitz'", "did you mean 'digits'"]),
    # parameters
    (5, "  pretext: [{mim: {epoch: 3}}, random]", ["no parameter 'epoch'", "mean 'epochs'"]),
    (5, "  pretext: [{mim: {epochs: three}}]", ["'epochs'", "valid integer", "'three'"]),
    (5, "  pretext: [{mim: {epochs: '3'}}]", ["'epochs'", "valid integer", "'3'"]),
    (5, "  pretext: [{mim: {mask_ratio: .nan}}]", ["'mask_ratio'", "finite"]),
    (5, "  pretext: [{mim: {mask_ratio: .inf}}]", ["'mask_ratio'"]),
    (5, "  pretext: [{mim: {target: words}}]", ["'target'", "'pixels'", "'tokens'"]),
    (8, "  scorer: [msp, knn, {knn: {k: -7}}]", ["'k'", "greater than 0", "-7"]),
    (8, "  scorer: [msp, knn, {knn: {k: true}}]", ["'k'", "valid integer", "True"]),
    # wrong types
    (2, "name: 3", ["'name' must be text", "the number 3"]),
    (2, "name:", ["'name' must be text", "not nothing"]),
    (3, "corpus: [digits]", ["the corpus must be text", "a list"]),
    (5, "  pretext: random", ["axis 'pretext' must be a list", "the text 'random'"]),
    (5, "  pretext: {mim: {epochs: 3}}", ["axis 'pretext' must be a list", "a mapping"]),
    (5, "  pretext: [[random]]", ["pretext ['random'] is neither a name nor"]),
    (5, "  pretext: [{mim: 3}]", ["neither a name nor a name with parameters"]),
    (5, "  pretext: [{mim: {}, random: {}}]", ["neither a name nor a name with parameters"]),
    (7, "  finetune: [pt, 3]", ["finetune 3 is neither"]),
    (8, "  scorer: [msp, 3, knn]", ["scorer 3 is neither"]),
    (8, "  scorer: [msp, null, knn]", ["scorer None is neither"]),
    (9, "  seed: 0", ["axis 'seed' must be a list", "[0]", "the number 0"]),
    (9, "  seed: [0, one]", ["a seed must be a whole number", "the text 'one'"]),
    (9, "  seed: [true]", ["a seed must be a whole number", "the boolean true"]),
    (9, "  seed: [0, 1.0]", ["a seed must be a whole number", "1.0"]),
    (12, "    near: digits:6-9", ["'near' must be a list", "the text 'digits:6-9'"]),
    (12, "    near: [7]", ["an OOD set must be text", "the number 7"]),
    (14, "exclude: {scorer: knn}", ["'exclude' must be a list", "a mapping"]),
    (14, "exclude: [knn]", ["an exclude rule must be a mapping", "the text 'knn'"]),
    (14, "plugins: mine.py", ["'plugins' must be a list"]),
    (14, "plugins: [3]", ["a plugin must be text", "the number 3"]),
    # numbers
    (9, "  seed: [0, -1]", ["a seed must be a whole number from 0", "-1"]),
    (9, "  seed: [.nan]", ["a seed must be a whole number", "nan"]),
    (9, "  seed: [9223372036854775808]", ["cannot be read as int"]),
    # empty
    (5, "  pretext: []", ["axis 'pretext' is empty"]),
    (6, "  backbone:", ["axis 'backbone' is empty"]),
    (9, "  seed: []", ["axis 'seed' is empty"]),
    (12, "    near: []", ["'near' is empty"]),
    (14, "exclude: []", ["'exclude' is empty"]),
    (14, "exclude: [{}]", ["names at least one axis"]),
    (14, "exclude: [{scorer: []}]", ["'scorer' of a rule is empty"]),
    # duplicates
    (8, "  scorer: [msp, knn, msp]", ["scorer 'msp' is listed twice"]),
    (8, "  scorer: [msp, knn, {knn: {k: 50}}]", ["scorer 'knn' is listed twice"]),
    (8, "  scorer: [{knn: {k: 7}}, {knn: {k: 7}}]", ["scorer 'knn(k=7)' is listed twice"]),
    (9, "  seed: [0, 1, 0]", ["seed '0' is listed twice"]),
    (13, "    far: [photos, photos]", ["digits:0-5 / photos is listed twice", "as far"]),
    (13, "    far: [photos, 'digits:6,7,8,9']", ["digits:6-9 is listed twice", "first as near"]),
    (14, "exclude: [{seed: 1}, {seed: [1]}]", ["repeats the one at"]),
    (14, "exclude: [{seed: [1, 1]}]", ["seed 1 is listed twice in this rule"]),
    (3, "name: other", ["the key 'name' is given twice"]),
    (9, "  scorer: [msp]", ["the key 'scorer' is given twice"]),
    # image sets that cannot be used
    (12, "    near: ['digits:0,1,2,3,4,5']", ["ID and OOD are the same set, 'digits:0-5'"]),
    (12, "    near: [digits:5-9]", ["holds the class 5 of the ID set 'digits:0-5'"]),
    (3, "corpus: digits", ["holds the classes 6, 7, 8, 9 of the OOD set 'digits:6-9'"]),
    (3, "corpus: textures", ["'textures' has no train split"]),
    (14, "intermediate: stroke", ["unknown image set 'stroke'", "did you mean 'strokes'"]),
    (14, "intermediate: [strokes]", ["the intermediate set must be text", "a list"]),
    (14, "intermediate: shapes", ["'shapes' has no train split"]),
    (14, "intermediate: digits", ["intermediate set 'digits' holds the classes 6, 7, 8, 9 of"]),
    (14, "intermediat: strokes", ["unknown key", "did you mean 'intermediate'"]),
    (11, "  - id: shapes", ["'shapes' has no train split", "can only be an OOD set"]),
    # names
    *[
        (2, f"name: {name}", ["cannot be used", "A-Z a-z 0-9"])
        for name in [
            "a/b",
            r"a\b",
            "'..'",
            ".hidden",
            "''",
            "a b",
            r'"a\u0007b"',
            r'"a\nb"',
            "-x",
            "x" * 101,
            "größe",
        ]
    ],
    # rules
    (14, "exclude: [{scorer: vimm}]", ["no scorer 'vimm' in this sweep", "allowed: knn"]),
    (14, "exclude: [{scorer: mps}]", ["no scorer 'mps' in this sweep", "did you mean 'msp'"]),
    (14, "exclude: [{scorer: energy}]", ["no scorer 'energy' in this sweep", "knn(k=7)"]),
    (14, "exclude: [{seed: 2}]", ["no seed 2 in this sweep", "allowed: 0, 1"]),
    (14, "exclude: [{seed: '1'}]", ["'seed' of a rule must be a number"]),
    (14, "exclude: [{scorer: 1}]", ["'scorer' of a rule must be a name or label"]),
    (14, "exclude: [{seed: true}]", ["'seed' of a rule must be a number", "boolean"]),
    (14, "exclude: [{ood: shapes}]", ["no ood 'shapes' in this sweep", "allowed: digits:6-9"]),
    (14, "exclude: [{distance: for}]", ["no distance 'for'", "did you mean 'far'"]),
    (14, "exclude: [{finetune: ft}]", ["no finetune 'ft' in this sweep", "pt+ft"]),
    (14, "exclude: [{scorers: knn}]", ["unknown axis of a rule 'scorers'", "mean 'scorer'"]),
]


@pytest.mark.parametrize(("line", "text", "phrases"), WRONG_LINES)
def test_a_wrong_line_is_one_problem_with_its_line(
    tmp_path: Path, line: int, text: str, phrases: list[str]
) -> None:
    problems = problems_of(tmp_path, with_line(line, text))
    # A wrong key that replaces a required one also makes that one missing, on another line.
    here = [problem for problem in problems if problem.where == f"{tmp_path}/small.yaml:{line}"]
    assert len(here) == 1, problems
    for phrase in phrases:
        assert phrase in here[0].message
    elsewhere = [problem for problem in problems if problem not in here]
    assert all("which is required" in problem.message for problem in elsewhere), elsewhere


# (text, line, phrases): files that are no experiment
WRONG_FILES = [
    ("", 1, ["empty"]),
    ("# only a comment\n", 1, ["empty"]),
    ("---\n...\n", 2, ["not nothing"]),
    ("- name: x\n", 1, ["an experiment is a mapping with name, axes, pairs", "a list"]),
    ("just text\n", 1, ["the text 'just text'"]),
    ("name: x\naxes:\n\tseed: [0]\n", 3, ["a tab indents this line", "spaces"]),
    ("name: x\naxes: [1, 2\npairs: 3\n", 3, ["not YAML"]),
    ('name: "x\n', 2, ["not YAML"]),
    ("name: x\n  axes: y\n", 2, ["not YAML", "mapping values are not allowed here"]),
    ("name: x\n---\nname: y\n", 2, ["another document"]),
    ("name: x\naxes: !!python/object/apply:os.getcwd []\n", 2, ["tag", "python/object"]),
    ("name: x\naxes: !!set {a, b}\n", 2, ["tag", "set"]),
    ("name: *missing\n", 1, ["undefined alias"]),
    ("name: x\naxes: &a [*a]\n", 2, ["alias inside its own anchor"]),
    ("name: x\naxes:\n  <<: &a [*a]\n", 3, ["merges mappings only"]),
    ("a: &a {b: c}\naxes:\n  <<: 3\n", 3, ["merges mappings only"]),
    ("name: x\naxes: " + "[" * 2000, 2, ["nested more than 40 deep"]),
    ("name: x\naxes: " + "[" * 50 + "]" * 50, 2, ["nested more than 40 deep"]),
    ('name: "\\UFFFFFFFF"\n', 1, ["not YAML"]),
    (b"name: x\naxes: \xff\n", 2, ["not UTF-8", "0xFF"]),
    ("name: x\n".encode("utf-16"), 1, ["not UTF-8"]),
    (b"name: x\naxes: \x00\n", 2, ["U+0000"]),
    ("name: x\naxes: \x07\n", 2, ["U+0007"]),
]


@pytest.mark.parametrize(("text", "line", "phrases"), WRONG_FILES)
def test_a_file_that_is_no_experiment_is_one_problem(
    tmp_path: Path, text: str | bytes, line: int, phrases: list[str]
) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.where == f"{tmp_path}/small.yaml:{line}"
    for phrase in phrases:
        assert phrase in problem.message


def test_aliases_that_multiply_are_refused_and_not_followed(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (problem,) = problems_of(tmp_path, "\n".join(levels))
    assert "more than 100000 values" in problem.message


def test_a_missing_file_suggests_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "pretext.yaml").write_text(GOOD)
    with pytest.raises(InputError, match=r"pretxt.yaml: there is no such file; did you mean 'pret"):
        load_sweep(tmp_path / "pretxt.yaml")
    with pytest.raises(InputError, match=r"there is no such file$"):
        load_sweep(tmp_path / "nowhere" / "pretext.yaml")


def test_a_directory_is_no_experiment(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{tmp_path}: the file cannot be read: Is a directory$"):
        load_sweep(tmp_path)


def test_a_file_name_with_a_nul_cannot_be_read() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_sweep("a\0b.yaml")


def test_all_missing_keys_are_reported(tmp_path: Path) -> None:
    messages = [problem.message for problem in problems_of(tmp_path, "axes: {seed: [0]}\n")]
    assert messages == [
        "an experiment has no 'name', which is required",
        "an experiment has no 'pairs', which is required",
        "'axes' has no 'pretext', which is required",
        "'axes' has no 'backbone', which is required",
        "'axes' has no 'finetune', which is required",
        "'axes' has no 'scorer', which is required",
    ]
    (no_id,) = problems_of(tmp_path, with_line(11, "  -"))
    assert "'id', which is required" in no_id.message
    (no_ood,) = problems_of(
        tmp_path,
        GOOD.replace("    near: [digits:6-9]\n", "").replace("    far: [photos, gaussian]\n", ""),
    )
    assert "'near', 'far' or both" in no_ood.message


def test_axes_and_pairs_of_the_wrong_type_are_reported_at_once(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "name: x\naxes: [msp]\npairs: {id: digits}\n")
    assert [problem.where.rpartition(":")[2] for problem in problems] == ["2", "3"]


def test_all_problems_are_reported_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """\
name: a/b
corpus: digits
axes:
  pretext: [mimm]
  backbone: vit_nano
  finetune: []
  scorer:
    - knn:
        k: -3
        kk: 1
    - vimm
  seed: [0, 0, -1]
pairs:
  - id: digits:0-5
    near: [digits:0-3, digits:6-9]
    fur: [photos]
exclude: [{scorer: x}, {pretexts: mim}]
extra: 1
"""
    problems = problems_of(tmp_path, text)
    lines = [int(problem.where.rpartition(":")[2]) for problem in problems]
    assert lines == [1, 2, 4, 5, 6, 9, 10, 11, 12, 12, 15, 16, 17, 18]


def test_wrong_rules_are_not_said_to_repeat_each_other(tmp_path: Path) -> None:
    rules = "exclude: [{scorer: vimm}, {scorer: mps}, {scorers: knn}, {pretexts: mim}]"
    said = [problem.message for problem in problems_of(tmp_path, with_line(14, rules))]
    assert len(said) == 4
    assert not any("repeats" in one for one in said)


def test_a_problem_in_merged_text_is_reported_once_at_its_own_line(tmp_path: Path) -> None:
    pretext = """\
  pretext:
    - mim: &common
        epochs: 0
    - mim:
        <<: *common
        mask_ratio: 0.4"""
    (problem,) = problems_of(tmp_path, with_line(5, pretext))
    assert problem.where.endswith(":7")
    assert "'epochs'" in problem.message


def test_problems_of_axes_and_pairs_are_not_repeated_for_rules_that_name_them(
    tmp_path: Path,
) -> None:
    text = GOOD.replace("[msp, knn, {knn: {k: 7}}]", "[msp, knnn]")
    (problem,) = problems_of(tmp_path, text)
    assert "knnn" in problem.message
    text = GOOD.replace("gaussian", "gausian").replace("scorer: knn}", "ood: gaussian}")
    (problem,) = problems_of(tmp_path, text)
    assert "gausian" in problem.message


def test_long_values_are_shortened_in_messages(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, with_line(2, f"name: {'x' * 5000}"))
    assert len(problem.message) < 500


@given(st.text(max_size=200))
def test_garbage_raises_only_input_errors(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    assert problems_of(tmp_path_factory.getbasetemp(), text.encode("utf-8", "surrogatepass"))


NAMES = ["name", "axes", "scorer", "seed", "pairs", "id", "exclude", "mim", "digits:0-5", "a", "0"]
SIGNS = ["- ", ": ", "[", "]", "{", "}", ",", "&", "*", "<<: ", "!", "!!int", "? ", "|", ">", "%"]
SIGNS += ["@", "`", "'", '"', "#", "\n---\n", "\n...\n", "\n", "\t", "  ", "-1", ".nan", "~"]


@given(st.lists(st.sampled_from(NAMES + SIGNS), max_size=60).map("".join))
def test_yaml_like_garbage_raises_only_input_errors(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    assert problems_of(tmp_path_factory.getbasetemp(), text)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["mim", "vit_nano", "pt+ft", "knn", "digits:0-5", "photos"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "near", "knn", "mim", "k", "pt", "ft", "scorer", "seed"]), inner
        )
    ),
    max_leaves=6,
)
PLACES = ["name", "corpus", "axes", "pairs", "exclude", "plugins", "axes.pretext", "axes.scorer"]
PLACES += ["axes.finetune", "axes.seed", "axes.pretext.0", "axes.scorer.0", "pairs.0"]
PLACES += ["pairs.0.near", "exclude.0", "exclude.0.scorer", "axes.finetune.0", "axes.scorer.2.knn"]


@settings(deadline=None)  # a busy machine takes longer
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_in_any_place_is_a_sweep_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    file = tmp_path_factory.getbasetemp() / "good.yaml"
    file.write_text(GOOD)
    text = json.dumps(value).replace("NaN", ".nan").replace("Infinity", ".inf")
    with contextlib.suppress(InputError):
        load_sweep(file, [f"{key}={text}"])
