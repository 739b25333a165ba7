"""Independent implementations of the hybrid scores."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from tests.support.scorer_references.compare import Reference


def react(case):
    clipped = np.minimum(
        case.test.features.astype(np.float64), np.quantile(case.train.features, 0.99)
    )
    return logsumexp(clipped @ case.head.weight.T.astype(np.float64) + case.head.bias, axis=1)


def vim(case):
    dimension = case.train.features.shape[1]
    origin = -np.linalg.pinv(case.head.weight.astype(np.float64)) @ case.head.bias
    _, _, axes = np.linalg.svd(case.train.features - origin, full_matrices=True)

    def residual(bank):
        return np.linalg.norm((bank.features - origin) @ axes[dimension // 2 :].T, axis=1)

    alpha = case.train.logits.max(axis=1).astype(np.float64).mean() / residual(case.train).mean()
    return logsumexp(case.test.logits.astype(np.float64), axis=1) - alpha * residual(case.test)


REFERENCES = {
    "react": Reference("formula (numpy, scipy)", react),
    "vim": Reference("formula (numpy svd)", vim),
}
