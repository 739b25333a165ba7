"""Features far from zero, compared with how they vary: float64 keeps what float32 would round."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score

import mood_sweeps as ms
from mood_sweeps.external_features.array_checks import float_matrix
from tests.support.feature_files import C, make_sets

Floats = np.ndarray
Bank = dict[str, np.ndarray]
SETS = make_sets()
SCORERS = "mahalanobis,rmd,knn_raw(k=5),euclidean,kmeans(k=4),gauss,gmm(k=4),mahalanobis_per_class"


def moved(shift: float, dtype: str = "f8") -> dict[str, dict[str, np.ndarray]]:
    banks = {"train": SETS.train, "test": SETS.test, "near": SETS.near, "far": SETS.far}
    return {
        name: {"features": (bank.features + shift).astype(dtype), "labels": bank.labels}
        for name, bank in banks.items()
    }


def auroc(train, test, near, far, scorers: str = SCORERS) -> dict[tuple[str, str], float]:
    frame = ms.score_features(train, test, {"near": near, "far": far}, scorers=scorers)
    assert frame["auroc"].notna().all()
    return frame.set_index(["scorer", "ood"])["auroc"].to_dict()


@pytest.mark.parametrize("as_files", [False, True])
def test_what_does_not_depend_on_a_shift_is_the_same_a_million_away(tmp_path: Path, as_files):
    there = moved(np.float64(1e6))
    if as_files:
        for name, arrays in there.items():
            np.savez(tmp_path / f"{name}.npz", **arrays)
        given = {name: str(tmp_path / f"{name}.npz") for name in there}
    else:
        given = there
    assert auroc(**given) == pytest.approx(auroc(**moved(0.0)), abs=1e-3)


def test_mahalanobis_a_million_away_is_scikit_learns():
    there = moved(np.float64(1e6))
    x, y = there["train"]["features"], there["train"]["labels"]
    means = np.stack([x[y == c].mean(axis=0) for c in range(C)])
    fitted = EmpiricalCovariance(assume_centered=True).fit(x - means[y])

    def nearest(bank: dict[str, np.ndarray]) -> np.ndarray:
        apart = [fitted.mahalanobis(bank["features"] - mean) for mean in means]
        return -np.min(apart, axis=0)

    inside, outside = nearest(there["test"]), nearest(there["near"])
    truth = np.repeat([1, 0], [len(inside), len(outside)])
    expected = roc_auc_score(truth, np.concatenate([inside, outside]))
    assert auroc(**there, scorers="mahalanobis")["mahalanobis", "near"] == pytest.approx(expected)


def test_logits_a_million_away_keep_their_digits():
    weight = np.random.default_rng(0).normal(size=(C, SETS.train.features.shape[1]))
    heads = {shift: (weight, -weight.sum(axis=1) * shift) for shift in (0.0, 1e6)}

    def of(shift: float) -> list[float]:
        sets = moved(np.float64(shift))
        oods = {"near": sets["near"], "far": sets["far"]}
        frame = ms.score_features(
            sets["train"], sets["test"], oods, head=heads[shift], scorers="msp,energy"
        )
        return list(frame["auroc"])

    assert of(1e6) == pytest.approx(of(0.0), abs=1e-3)


def test_float64_is_kept_only_where_float32_would_round():
    narrow = SETS.test.features
    for dtype in ("f2", "f4", ">f4"):
        assert float_matrix(narrow.astype(dtype), "(N, D)").dtype == np.float32
    assert float_matrix(narrow, "(N, D)") is narrow
    taken = float_matrix(narrow.astype("f8"), "(N, D)")
    assert taken.dtype == np.float32
    np.testing.assert_array_equal(taken, narrow)
    wide = narrow.astype("f8") + 1e-9
    assert float_matrix(wide, "(N, D)") is wide
    assert float_matrix(wide.astype("g"), "(N, D)").dtype == np.float64
    np.testing.assert_array_equal(float_matrix(wide.astype(">f8"), "(N, D)"), wide)


def dimension_0(change: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda x: np.hstack([change(x[:, :1]), x[:, 1:]])


SIZES = {
    "all dimensions 1e5 away": lambda x: x + 1e5,
    "all dimensions 3e5 away": lambda x: x + 3e5,
    "all dimensions 1e6 away": lambda x: x + 1e6,
    "one dimension 3e5 away": dimension_0(lambda x: x + 3e5),
    "one dimension times 1e6": dimension_0(lambda x: x * 1e6),
    "one dimension times 1e-6": dimension_0(lambda x: x * 1e-6),
    "dimensions from 1e-4 to 1e4": lambda x: x * np.logspace(-4, 4, x.shape[1]),
}


def sets_of_32_dimensions() -> dict[str, dict[str, np.ndarray]]:
    """Five classes of deviation 1 in every dimension, and an OOD set between and beside them."""
    rng = np.random.default_rng(7)
    centres, aside = rng.normal(size=(2, 5, 32))
    sets = {}
    for name, size, moved in (("train", 600, 0.0), ("test", 300, 0.0), ("near", 300, 0.5)):
        labels = rng.permutation(np.arange(size) % 5)
        features = centres[labels] + rng.normal(size=(size, 32)) + moved * aside[labels]
        sets[name] = {"features": features, "labels": labels}
    return sets


def auroc_by_numpy(train: Bank, test: Bank, near: Bank) -> dict[str, float]:
    """Return the AUROC of mahalanobis and rmd with numpy's inverse of Σ, in float64."""
    x, y = train["features"].astype("f8"), train["labels"]
    means = np.stack([x[y == c].mean(axis=0) for c in range(5)])

    def squared(x: Floats, about: Floats, centred: Floats) -> Floats:
        inverse, apart = np.linalg.inv(centred.T @ centred / len(centred)), x[:, None] - about
        return np.einsum("ncd,de,nce->nc", apart, inverse, apart).min(axis=1)

    both = np.concatenate([test["features"], near["features"]]).astype("f8")
    nearest = squared(both, means, x - means[y])
    background = squared(both, x.mean(axis=0)[None], x - x.mean(axis=0))
    truth = np.repeat([1, 0], [len(test["features"]), len(near["features"])])
    found = {"mahalanobis": -nearest, "rmd": background - nearest}
    return {name: roc_auc_score(truth, scores) for name, scores in found.items()}


@pytest.mark.parametrize("name", SIZES)
def test_what_varies_counts_however_large_other_features_are(name):
    sets = sets_of_32_dimensions()
    for bank in sets.values():
        bank["features"] = SIZES[name](bank["features"]).astype("f4")
    oods = {"near": sets["near"]}
    frame = ms.score_features(sets["train"], sets["test"], oods, scorers="mahalanobis,rmd")
    found = frame.set_index("scorer")["auroc"].to_dict()
    assert found == pytest.approx(auroc_by_numpy(**sets), abs=1e-3)
    assert not frame["note"].str.contains("left out").any()


@pytest.mark.parametrize("name", ["all dimensions 1e6 away", "one dimension 3e5 away"])
def test_densities_do_not_depend_on_a_shift_in_float32(name):
    plain = sets_of_32_dimensions()
    there = {
        of: {**bank, "features": SIZES[name](bank["features"]).astype("f4")}
        for of, bank in plain.items()
    }
    scorers = "gauss,gmm(k=5),mahalanobis_per_class"

    def of(sets: dict[str, Bank]) -> list[float]:
        oods = {"near": sets["near"]}
        return list(ms.score_features(sets["train"], sets["test"], oods, scorers=scorers)["auroc"])

    # Shifted features are rounded to 1/16 at the most: a reference as coarse is shifted back.
    back = {of: {**bank, "features": bank["features"].astype("f8")} for of, bank in there.items()}
    for bank, other in zip(back.values(), plain.values(), strict=True):
        moved = SIZES[name](np.zeros_like(other["features"]))
        bank["features"] = (bank["features"] - moved).astype("f4")
    assert of(there) == pytest.approx(of(back), abs=1e-3)
