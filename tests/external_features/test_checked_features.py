"""Whatever is wrong with what is given is said at once, with its place, before anything is done."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mood_sweeps.bank import Head
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.score_sets import score
from tests.support.feature_files import C, D, Sets, make_sets, only, save_sets

SETS = make_sets()
X, Y, Z, W, B = (
    SETS.train.features,
    SETS.train.labels,
    SETS.train.logits,
    SETS.head.weight,
    SETS.head.bias,
)
N = len(X)


def given(**changed: Any) -> dict[str, Any]:
    """What makes a good run, all as arrays in memory, and what a case changes."""
    plain = {
        "id_train": SETS.train,
        "id_test": SETS.test,
        "id_val": SETS.val,
        "ood": SETS.oods,
        "head": SETS.head,
        "scorers": "msp",
    }
    return {**plain, **changed}


def ran(**arguments: Any) -> Any:
    sides = {name: arguments.pop(name) for name in ("id_train", "id_test", "ood")}
    return score(**sides, **arguments)


def with_nan(array: np.ndarray, value: float = np.nan) -> np.ndarray:
    broken = array.copy()
    broken[3, 1] = broken[2, 0] = value
    return broken


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no OOD set": ({"ood": {}}, "ood: there is no OOD set"),
    "an OOD set called as an ID set": ({"ood": {"id_test": X}}, "ood: .* 'id_test'"),
    "an OOD set without a name": ({"ood": {"": SETS.far}}, "ood: .* ''"),
    "an OOD set called as a file": ({"ood": {"a.npy,labels": X}}, "ood: .* 'a.npy,labels'"),
    "no features": ({"id_train": {"labels": Y}}, "id_train: id_train has no features"),
    "NaN": ({"id_train": with_nan(X)}, "id_train, 'features': 2 of 200 rows contain NaN"),
    "infinity": ({"id_test": with_nan(X, np.inf)}, "id_test, 'features': 2 of 200 rows"),
    "NaN in OOD": ({"ood": {"far": with_nan(X)}}, "far, 'features': 2 of 200 rows"),
    "NaN in logits": ({"id_train": {"features": X, "logits": with_nan(Z)}}, "'logits': 2 of 200"),
    "beyond float32": ({"id_val": X.astype("f8") * 1e300}, "200 of 200 .* too large for float32"),
    "no rows": ({"id_test": X[:0]}, r"id_test, 'features': is empty: \(0, 12\)"),
    "no OOD rows": ({"ood": {"near": X[:0]}}, "near, 'features': is empty"),
    "no dimensions": ({"id_test": X[:, :0]}, r"id_test, 'features': is empty: \(200, 0\)"),
    "one axis": ({"id_test": X[0]}, r"'features': must be \(N, D\), not \(12,\)"),
    "three axes": ({"id_test": X[None]}, r"must be \(N, D\), not \(1, 200, 12\)"),
    "a number": ({"id_test": np.float32(1)}, r"must be \(N, D\), not \(\)"),
    "maps": ({"id_test": np.zeros((5, D, 7, 7), "f4")}, r"not \(5, 12, 7, 7\)"),
    "whole numbers": ({"id_test": np.ones((5, D), int)}, "of floats, not of int64"),
    "text": ({"id_test": np.full((5, D), "a")}, "of floats, not of <U1"),
    "objects": ({"id_test": np.full((5, D), {})}, "of floats, not of object"),
    "a ragged list": ({"id_test": [[1.0], [1.0, 2.0]]}, "id_test"),
    "complex numbers": ({"id_test": np.ones((5, D), complex)}, "of floats, not of complex"),
    "another width": ({"ood": {"far": X[:, :7]}}, "far, 'features': has 7 dimensions, .* has 12"),
    "labels too few": (
        {"id_train": {"features": X, "labels": Y[:9]}},
        r"id_train, 'labels': must be \(200,\), one label a row .* not \(9,\)",
    ),
    "one-hot labels": ({"id_train": {"features": X, "labels": np.eye(C)[Y]}}, r"not \(200, 4\)"),
    "fractional labels": ({"id_train": {"features": X, "labels": Y + 0.5}}, "whole numbers"),
    "labels of text": ({"id_train": {"features": X, "labels": Y.astype(str)}}, "whole numbers"),
    "negative labels": (
        {"id_train": {"features": X, "labels": Y - 1}},
        r"id_train, 'labels': must be in 0\.\.3, not -1\.\.2",
    ),
    "labels beyond the classes": ({"id_test": {"features": X, "labels": Y + 1}}, r"not 1\.\.4"),
    "labels from nowhere": (
        {"id_val": {"features": X, "labels": Y - 1}, "head": None,
            "id_train": only(SETS.train), "id_test": only(SETS.test),
            "ood": {"far": SETS.far.features}},
        r"id_val, 'labels': must be 0 or more, not -1\.\.2",
    ),
    "logits too few": ({"id_test": {"features": X, "logits": Z[:9]}}, "has 9 rows, .* have 200"),
    "logits of other classes": (
        {"id_test": {"features": X, "logits": Z[:, :3]}},
        "id_test, 'logits': has 3 classes, and head, 'weight' has 4",
    ),
    "logits that disagree": (
        {"ood": {"far": SETS.far.features}, "head": None, "id_val": None,
         "id_test": {"features": X, "logits": Z[:, :2]}},
        "id_test, 'logits': has 2 classes, and id_train, 'logits' has 4",
    ),
    "logits of another head": (
        {"id_test": {"features": X, "logits": Z[::-1]}},
        r"id_test, 'logits': differ by up to .* from features @ weight\.T \+ bias",
    ),
    "a head turned": ({"head": (W.T, B)}, "head, 'bias': must be"),
    "a square head turned": (
        {"head": (np.ones((D, C), "f4"), np.ones(D, "f4")), "id_train": X, "id_test": X,
         "id_val": X, "ood": {"far": X}},
        r"head, 'weight': must be \(C, 12\).*not \(12, 4\); it seems to be transposed",
    ),
    "a head of another width": (
        {"head": (W[:, :7], B)}, r"head, 'weight': must be \(C, 12\), .* not \(4, 7\)"
    ),
    "a head without bias": ({"head": {"weight": W}}, "head has no bias; .* give zeros"),
    "a head without weight": ({"head": {"bias": B}}, "head has no weight"),
    "a bias of another length": ({"head": (W, B[:3])}, r"head, 'bias': must be \(4,\).*\(3,\)"),
    "a bias of two axes": ({"head": (W, B[None])}, r"'bias': must be \(C,\), not \(1, 4\)"),
    "a head of NaN": ({"head": (with_nan(W), B)}, "head, 'weight': 2 of 4 rows contain NaN"),
    "a head called otherwise": ({"head": {"weights": W, "bias": B}}, "did you mean 'weight'"),
    "an unknown scorer": ({"scorers": "mps"}, "did you mean 'msp'"),
    "a scorer of the package": ({"user_scorers": {"msp": object}}, "'msp' already; rename"),
    "no threads": ({"threads": 0}, "threads: at least one"),
    "no such device": ({"device": "gpu"}, "device: there is no device 'gpu'; allowed: cpu, cuda"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_refused_with_their_place(case: str, tmp_path: Path) -> None:
    changed, said = BAD[case]
    with pytest.raises(InputError, match=said):
        ran(**given(**changed), out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_good_is_not_refused() -> None:
    assert all(row.auroc is not None for row in ran(**given()).rows)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as raised:
        ran(
            id_train={"features": with_nan(X), "labels": Y[:9]},
            id_test={"features": SETS.test.features, "labels": SETS.test.labels - 1},
            id_val="nowhere.npz",
            ood={"near": SETS.near.features[:, :5], "far": np.ones((3, D), int)},
            head=(W, B[:2]),
            scorers="mps,knn(k=0)",
            out=tmp_path / "file" / "out",
            threads=0,
        )
    places = [problem.where for problem in raised.value.problems]
    assert places == [
        "scorers",
        "scorers",
        "out",
        "threads",
        "head, 'bias'",
        "id_train, 'features'",
        "id_train, 'labels'",
        "nowhere.npz",
        "far, 'features'",
        "near, 'features'",
        "id_test, 'labels'",
    ]


def edits() -> dict[str, tuple[Callable[[Path], Any], str]]:
    """What is done to a folder of good files, and what is said of it, with file and key."""

    def rewrite(name: str, **arrays: np.ndarray) -> Callable[[Path], Any]:
        return lambda folder: np.savez(folder / name, **arrays)

    return {
        "gone": (lambda folder: (folder / "far.npz").unlink(), r"far\.npz: there is no such file"),
        "no npz": (lambda folder: (folder / "val.npz").write_text("x"), r"val\.npz: is no npz"),
        "typo": (rewrite("test.npz", feature=X), r"test\.npz: .*has no features.*'feature'"),
        "NaN": (rewrite("near.npz", features=with_nan(X)), r"near\.npz, 'features': 2 of 200"),
        "width": (rewrite("near.npz", features=X[:, :5]), r"near\.npz, 'features': has 5 .*12"),
        "labels": (rewrite("test.npz", features=X, labels=Y + 9), r"test\.npz, 'labels': must be"),
        "OpenOOD": (
            rewrite("test.npz", feat_list=X, label_list=Y + 9),
            r"test\.npz, 'label_list': must be",
        ),
        "head": (rewrite("head.npz", weight=W, biases=B), r"head\.npz has no bias \(it also holds"),
    }


@pytest.mark.parametrize("edit", edits())
def test_a_bad_file_is_named_with_its_key(
    edit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sets(tmp_path, SETS)
    change, said = edits()[edit]
    change(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=said):
        ran(
            id_train="train.npz",
            id_test="test.npz",
            id_val="val.npz",
            ood={"near": "near.npz", "far": "far.npz"},
            head="head.npz",
            out="out",
        )
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "g"])
def test_logits_of_lower_precision_are_the_heads(dtype: str) -> None:
    """Half precision keeps three digits: that is no other head."""
    half = {"features": X.astype(dtype), "logits": Z.astype("f2")}
    rows = ran(**given(id_test=half)).rows
    assert all(row.auroc is not None for row in rows)


def test_no_complaint_names_an_internal() -> None:
    for changed, _ in BAD.values():
        with pytest.raises(InputError) as raised:
            ran(**given(**changed))
        assert not re.search(r"<.*object at|Traceback|None", str(raised.value))


def test_sets_with_pooled_axes_are_taken_as_they_are_meant() -> None:
    pooled = ran(**given(id_test={"features": SETS.test.features[:, :, None, None]}))
    plain = ran(**given(id_test=SETS.test.features))
    assert [row.auroc for row in pooled.rows] == [row.auroc for row in plain.rows]


def test_whole_numbers_as_floats_are_labels() -> None:
    labels = {"features": X, "labels": Y.astype("f4")}
    one = ran(**given(id_train=labels, scorers="mahalanobis"))
    other = ran(**given(scorers="mahalanobis"))
    assert [row.auroc for row in one.rows] == [row.auroc for row in other.rows]


def test_the_head_of_one_class_is_a_head() -> None:
    sets: Sets = SETS
    one = Head(sets.head.weight[:1], sets.head.bias[:1])
    rows = ran(
        id_train=sets.train.features,
        id_test=sets.test.features,
        ood={"far": sets.far.features},
        head=one,
        scorers="max_logit",
    ).rows
    assert rows[0].n_id == len(sets.test)
