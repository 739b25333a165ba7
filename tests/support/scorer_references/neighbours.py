"""Independent implementations of the feature scores that search neighbours."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood import detector as pytorch_ood
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from tests.support.scorer_references.compare import Reference


def pytorch_ood_knn(case):
    detector = pytorch_ood.KNN(None)
    train, test = (torch.from_numpy(b.features).double() for b in (case.train, case.test))
    detector.fit_features(train, torch.from_numpy(case.train.labels))
    return -detector.predict_features(test).numpy()


def squared_distance_to_kth(train, test, k):
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train.astype(np.float64))
    return search.kneighbors(test.astype(np.float64))[0][:, -1] ** 2


def openood_knn(case):
    def unit(x):
        return normalize(x.astype(np.float64)) + 1e-10

    return -squared_distance_to_kth(unit(case.train.features), unit(case.test.features), 50)


def knn_raw(case):
    return -squared_distance_to_kth(case.train.features, case.test.features, 50)


def cfood(case, alpha=0.1, k=0.01, seed=0):
    """OpenOOD's procedure, sample by sample; only the reference samples are drawn as ours are."""
    train = normalize(case.train.features.astype(np.float64))
    n = int(alpha * len(train))
    references = train[np.sort(np.random.default_rng(seed).permutation(len(train))[:n])]
    shares = np.concatenate(
        [np.linspace(0.001, 0.1, 100), np.linspace(0.105, 0.5, 81), np.linspace(0.51, 0.99, 49)]
    )
    places = (shares * n - 1).astype(int)
    grows = np.concatenate([[True], places[:-1] < places[1:]])
    shares, places = shares[grows], places[grows]
    radii = np.array([np.sort(((r - references) ** 2).sum(axis=1))[places + 1] for r in references])
    kappas = []
    for x in normalize(case.test.features.astype(np.float64)):
        distances = ((x - references) ** 2).sum(axis=1)
        taken_in = (radii >= distances[:, None]).mean(axis=0)
        enough = np.flatnonzero(taken_in >= k)
        kappas.append(shares[enough[0]] if len(enough) else 1.0)
    return -np.array(kappas)


REFERENCES = {
    "knn@openood": Reference("scikit-learn NearestNeighbors", openood_knn),
    "knn@pytorch_ood": Reference("pytorch-ood 0.4.0", pytorch_ood_knn),
    "knn_raw": Reference("scikit-learn NearestNeighbors", knn_raw),
    "cfood": Reference("formula, sample by sample", cfood),
}
