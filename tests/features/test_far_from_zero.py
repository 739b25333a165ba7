"""Features far from zero, compared with how they vary: float64 keeps what float32 would round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from feature_files import C, make_sets
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score

import mood_sweeps as ms
from mood_sweeps.features.numbers import float_matrix

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
