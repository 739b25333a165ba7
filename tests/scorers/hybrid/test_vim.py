from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import ViM as PytorchOodViM
from scipy.special import logsumexp
from scipy.stats import spearmanr
from sklearn.covariance import EmpiricalCovariance
from torch import from_numpy

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.vim import ViM, ViMMOODv2, ViMOpenOOD, ViMPytorchOOD
from tests.support.scorer_cases import make_case


@pytest.mark.parametrize("dim", [None, 1, 5, 15])
def test_is_the_formula_of_the_paper(case, dim):
    train, test, head = case
    u = -np.linalg.pinv(head.weight.astype(np.float64)) @ head.bias
    covariance = EmpiricalCovariance(assume_centered=True).fit(train.features - u).covariance_
    values, vectors = np.linalg.eigh(covariance)
    rest = vectors[:, np.argsort(-values)[dim or 8 :]]
    alpha = (
        train.logits.max(axis=1).mean() / np.linalg.norm((train.features - u) @ rest, axis=1).mean()
    )
    virtual = alpha * np.linalg.norm((test.features - u) @ rest, axis=1)
    reference = logsumexp(test.logits.astype(np.float64), axis=1) - virtual

    vim = ViM(dim)
    state = vim.fit(train, head)
    np.testing.assert_allclose(state["alpha"], alpha, rtol=1e-6)
    np.testing.assert_allclose(vim.score(state, test), reference, rtol=1e-5, atol=1e-6)


def test_ranks_as_pytorch_ood_reversed(case):
    train, test, head = case
    detector = PytorchOodViM(None, d=8, w=from_numpy(head.weight), b=from_numpy(head.bias))
    detector.fit_features(from_numpy(train.features), from_numpy(train.labels))
    theirs = -detector.predict_features(from_numpy(test.features)).numpy()
    vim = ViM()
    ours = vim.score(vim.fit(train, head), test)
    assert spearmanr(ours, theirs).statistic > 0.99999


@pytest.mark.parametrize(
    ("variant", "width", "kept"),
    [
        (ViM(), 768, 512),
        (ViM(), 2048, 1000),
        (ViMMOODv2(), 2048, 7),
        (ViMMOODv2(), 768, 512),
        (ViMOpenOOD(), 768, 256),
        (ViMPytorchOOD(), 768, 384),
        (ViMPytorchOOD(dim=100), 768, 100),
    ],
)
def test_the_principal_dimension_is_each_tools(variant, width, kept, monkeypatch):
    # Only shapes are looked at, and decomposing 2048 × 2048 takes seconds.
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: (np.ones(len(matrix)), matrix))
    rng = np.random.default_rng(0)
    head = Head(rng.normal(size=(7, width)).astype(np.float32), np.ones(7, np.float32))
    x = rng.normal(size=(20, width)).astype(np.float32)
    state = variant.fit(FeatureBank(x, np.arange(20) % 7, x @ head.weight.T), head)
    assert state["axes"].shape == (width, width - kept)


def test_float32_products_agree_with_the_formula_in_float64():
    train, test, head = make_case(n=2500, d=200, c=10)
    vim = ViM()
    state = vim.fit(train, head)
    assert state["axes"].dtype == np.float32
    u = -np.linalg.pinv(head.weight.astype(np.float64)) @ head.bias
    rest = np.linalg.svd(train.features - u, full_matrices=False)[2][100:].T
    lengths = [np.linalg.norm((bank.features - u) @ rest, axis=1) for bank in (train, test)]
    alpha = train.logits.max(axis=1).astype(np.float64).mean() / lengths[0].mean()
    reference = logsumexp(test.logits.astype(np.float64), axis=1) - alpha * lengths[1]
    within = 1e-6 * np.abs(reference).max()
    np.testing.assert_allclose(vim.score(state, test), reference, rtol=0, atol=within)


def test_no_residual_dimension_left_is_undefined(case):
    with pytest.raises(Undefined, match="leaves no residual"):
        ViM(dim=100).fit(case.train, case.head)


def test_train_features_without_residual_are_undefined():
    line = np.outer(np.arange(1.0, 9.0), [1.0, 0.0, 0.0, 0.0]).astype(np.float32)
    head = Head(np.eye(2, 4, dtype=np.float32), np.zeros(2, np.float32))
    bank = FeatureBank(line, np.zeros(8, int), line @ head.weight.T)
    with pytest.raises(Undefined, match="no scale"):
        ViM(dim=1).fit(bank, head)
