"""Independent implementations of the feature scores."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.neighbors import NearestNeighbors

from tests.support.scorer_references.compare import Reference


def mahalanobis(case):
    x = case.train.features.astype(np.float64)
    classes = np.unique(case.train.labels)
    means = np.stack([x[case.train.labels == c].mean(axis=0) for c in classes])
    centred = x - means[np.searchsorted(classes, case.train.labels)]
    covariance = EmpiricalCovariance(assume_centered=True).fit(centred)
    distances = [covariance.mahalanobis(case.test.features - mean) for mean in means]
    return -np.min(distances, axis=0)


def unit(x):
    x = x.astype(np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def knn(case):
    search = NearestNeighbors(n_neighbors=50).fit(unit(case.train.features))
    return -(search.kneighbors(unit(case.test.features))[0][:, -1] ** 2)


def residual(case):
    dimension = case.train.features.shape[1]
    weight = case.head.weight.astype(np.float64)
    origin = -np.linalg.pinv(weight) @ case.head.bias
    centred = case.train.features - origin
    _, _, axes = np.linalg.svd(centred, full_matrices=True)
    return -np.linalg.norm((case.test.features - origin) @ axes[dimension // 2 :].T, axis=1)


REFERENCES = {
    "mahalanobis": Reference("scikit-learn EmpiricalCovariance", mahalanobis),
    "knn": Reference("scikit-learn NearestNeighbors", knn),
    "residual": Reference("formula (numpy svd)", residual),
}
