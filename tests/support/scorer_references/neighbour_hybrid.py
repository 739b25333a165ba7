"""Independent implementations of the hybrid scores that look at single train samples."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood import detector as pytorch_ood
from scipy.special import logsumexp, softmax
from sklearn.preprocessing import normalize

from tests.support.scorer_references.compare import Reference


def nnguide(case, rows, k):
    train = normalize(case.train.features[rows].astype(np.float64))
    energies = logsumexp(case.train.logits[rows].astype(np.float64), axis=1)
    guides = normalize(case.test.features.astype(np.float64)) @ (train * energies[:, None]).T
    guidance = np.sort(guides, axis=1)[:, -k:].mean(axis=1)
    return logsumexp(case.test.logits.astype(np.float64), axis=1) * guidance


def random_bank(case):
    return nnguide(case, np.random.default_rng(7).permutation(300)[:60], k=20)


def first_rows(case):
    return nnguide(case, slice(60), k=20)


def pytorch_ood_nnguide(case):
    weight, bias = (torch.from_numpy(p).double() for p in (case.head.weight, case.head.bias))
    head = torch.nn.Linear(weight.shape[1], weight.shape[0])
    head.weight.data, head.bias.data = weight.float(), bias.float()
    detector = pytorch_ood.NNGuide(None, head)
    train, test = (torch.from_numpy(b.features) for b in (case.train, case.test))
    detector.fit_features(train, torch.from_numpy(case.train.labels))
    return -detector.predict_features(test).numpy()


def relation(case):
    """The formula pair by pair in float64."""
    train = list(
        zip(
            case.train.features.astype(np.float64),
            softmax(case.train.logits.astype(np.float64), axis=1),
            strict=True,
        )
    )
    scores = []
    for x, z in zip(case.test.features, case.test.logits, strict=True):
        x, p = x.astype(np.float64), softmax(z.astype(np.float64))
        cosines = [x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y, _ in train]
        agreements = [p @ q for _, q in train]
        relations = np.maximum(cosines, 0) * agreements
        scores.append(relations[relations > 0.03].sum())
    return np.array(scores)


REFERENCES = {
    "nnguide": Reference("formula (numpy)", random_bank, {"alpha": 0.2, "k": 20, "seed": 7}),
    "nnguide@openood": Reference("formula (numpy)", first_rows, {"alpha": 0.2, "k": 20}),
    "nnguide@pytorch_ood": Reference("pytorch-ood 0.4.0", pytorch_ood_nnguide),
    "relation": Reference("formula, pair by pair", relation),
}
