"""Independent implementations of the feature scores by subspaces and predicted classes."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from tests.support.scorer_references.compare import Reference


def residual_on(kept):
    def scores(case):
        origin = -np.linalg.pinv(case.head.weight.astype(np.float64)) @ case.head.bias
        centred = case.train.features - origin
        _, axes = eigh(centred.T @ centred)
        return -np.linalg.norm((case.test.features - origin) @ axes[:, :-kept], axis=1)

    return scores


def caref(case):
    x, predicted = case.train.features.astype(np.float64), case.train.logits.argmax(axis=1)
    scores = []
    for features, logits in zip(
        case.test.features.astype(np.float64), case.test.logits, strict=True
    ):
        mean = x[predicted == logits.argmax()].mean(axis=0)
        scores.append(-np.linalg.norm(features - mean, ord=1) / np.linalg.norm(features, ord=1))
    return np.array(scores)


REFERENCES = {
    "residual@moodv2": Reference("formula (scipy eigh)", residual_on(kept=8)),
    "residual@openood": Reference("formula (scipy eigh)", residual_on(kept=6), {"dim": 6}),
    "caref": Reference("formula, sample by sample", caref),
}
