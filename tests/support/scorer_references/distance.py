"""Independent implementations of the distance scores."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import torch
from pytorch_ood import detector as pytorch_ood
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import normalize

from tests.support.scorer_references.compare import Reference


def wide(bank):
    return bank.features.astype(np.float64)


def unit(bank):
    return normalize(wide(bank))


def within_class(case):
    x, y = wide(case.train), case.train.labels
    means = np.stack([x[y == c].mean(axis=0) for c in np.unique(y)])
    covariance = EmpiricalCovariance(assume_centered=True)
    covariance.fit(x - means[np.searchsorted(np.unique(y), y)])
    return np.stack([covariance.mahalanobis(wide(case.test) - mean) for mean in means], axis=1)


def tied_mahalanobis(case):
    return -within_class(case).min(axis=1)


def unit_mahalanobis(case):
    x, test = unit(case.train), unit(case.test) - unit(case.train).mean(axis=0)
    precision = np.linalg.pinv(np.cov(x.T, bias=True))
    return -np.einsum("nd,de,ne->n", test, precision, test)


@contextmanager
def double_precision():
    """pytorch-ood makes its matrices in torch's default precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def scores_of_pytorch_ood(make, x, y, test):
    with double_precision(), torch.no_grad():
        detector = make().fit_features(torch.from_numpy(x), torch.from_numpy(y))
        return -detector.predict_features(torch.from_numpy(test)).numpy()


def pytorch_ood_mahalanobis(case):
    train = wide(case.train), case.train.labels
    return scores_of_pytorch_ood(lambda: pytorch_ood.Mahalanobis(None), *train, wide(case.test))


def mahalanobis_per_class(case):
    x, y = wide(case.train), case.train.labels
    gaussians = [LedoitWolf().fit(x[y == c]) for c in np.unique(y)]
    return -np.min([gaussian.mahalanobis(wide(case.test)) for gaussian in gaussians], axis=0)


def rmd(case):
    background = EmpiricalCovariance().fit(wide(case.train)).mahalanobis(wide(case.test))
    return -(within_class(case) - background[:, None]).min(axis=1)


def she(case):
    """pytorch-ood refuses a class without a pattern: it is given the other classes only."""
    weight, bias = case.head.weight.astype(np.float64), case.head.bias.astype(np.float64)
    x, y = wide(case.train), case.train.labels
    right = (x @ weight.T + bias).argmax(axis=1) == y
    known, y = np.unique(y[right], return_inverse=True)
    weight, bias = torch.from_numpy(weight[known]), torch.from_numpy(bias[known])

    def make():
        return pytorch_ood.SHE(None, lambda z: z @ weight.T + bias)

    return scores_of_pytorch_ood(make, x[right], y, wide(case.test))


def cosine(case):
    return cosine_similarity(wide(case.test), wide(case.train)).max(axis=1)


def distance_to_mean(metric, features):
    def scores(case):
        mean = features(case.train).mean(axis=0, keepdims=True)
        return -cdist(features(case.test), mean, metric)[:, 0]

    return scores


def projection(case):
    mean = wide(case.train).mean(axis=0)
    return wide(case.test) @ mean / np.linalg.norm(mean)


def unit_projection(case):
    return cosine_similarity(wide(case.test), unit(case.train).mean(axis=0, keepdims=True))[:, 0]


def gauss(case):
    return -LedoitWolf().fit(wide(case.train)).mahalanobis(wide(case.test))


def clusters(points, k=10, seed=0):
    """scikit-learn's Lloyd from k-means++ with these random numbers."""
    rng = np.random.default_rng(seed)
    start = points[[rng.integers(len(points))]]
    while len(start) < k:
        squared = cdist(points, start, "sqeuclidean").min(axis=1)
        start = np.vstack([start, points[rng.choice(len(points), p=squared / squared.sum())]])
    return KMeans(k, init=start, n_init=1, tol=0, max_iter=100).fit(points)


def nearest_cluster(features):
    def scores(case):
        centres = clusters(features(case.train)).cluster_centers_
        return -cdist(features(case.test), centres).min(axis=1)

    return scores


def gmm(case):
    x = wide(case.train)
    labels = clusters(x).labels_
    means = np.stack([x[labels == j].mean(axis=0) for j in range(10)])
    ridge = 1e-6 * x.var(axis=0).mean()
    covariance = np.cov((x - means[labels]).T, bias=True) + ridge * np.eye(x.shape[1])
    mixture = GaussianMixture(
        10,
        covariance_type="tied",
        reg_covar=ridge,
        weights_init=np.bincount(labels) / len(labels),
        means_init=means,
        precisions_init=np.linalg.inv(covariance),
    )
    return mixture.fit(x).score_samples(wide(case.test))


def pytorch_ood_gmm(case):
    train = wide(case.train), case.train.labels
    return scores_of_pytorch_ood(lambda: pytorch_ood.GMM(None), *train, wide(case.test))


TIED = Reference("scikit-learn EmpiricalCovariance", tied_mahalanobis)
RELATIVE = Reference("scikit-learn EmpiricalCovariance", rmd)
HOPFIELD = Reference("pytorch-ood 0.4.0", she)
COSINE = Reference("scikit-learn cosine_similarity", cosine)

REFERENCES = {
    "mahalanobis@moodv1": Reference("formula (numpy pinv)", unit_mahalanobis),
    "mahalanobis@moodv2": TIED,
    "mahalanobis@openood": TIED,
    "mahalanobis@pytorch_ood": Reference("pytorch-ood 0.4.0", pytorch_ood_mahalanobis),
    "mahalanobis_per_class": Reference("scikit-learn LedoitWolf", mahalanobis_per_class),
    "rmd": RELATIVE,
    "rmd@openood": RELATIVE,
    "she": HOPFIELD,
    "she@openood": HOPFIELD,
    "she@pytorch_ood": HOPFIELD,
    "cosine": COSINE,
    "cosine@moodv1": COSINE,
    "euclidean": Reference("scipy cdist", distance_to_mean("euclidean", wide)),
    "euclidean@moodv1": Reference("scipy cdist", distance_to_mean("euclidean", unit)),
    "minkowski": Reference("scipy cdist", distance_to_mean("cityblock", wide)),
    "minkowski@moodv1": Reference("scipy cdist", distance_to_mean("cityblock", unit)),
    "chebyshev": Reference("scipy cdist", distance_to_mean("chebyshev", wide)),
    "chebyshev@moodv1": Reference("scipy cdist", distance_to_mean("chebyshev", unit)),
    "projection": Reference("formula (numpy)", projection),
    "projection@moodv1": Reference("scikit-learn cosine_similarity", unit_projection),
    "gauss": Reference("scikit-learn LedoitWolf", gauss),
    "kmeans": Reference("scikit-learn KMeans, scipy cdist", nearest_cluster(wide)),
    "kmeans@moodv1": Reference("scikit-learn KMeans, scipy cdist", nearest_cluster(unit)),
    "gmm": Reference("scikit-learn GaussianMixture", gmm),
    "gmm@pytorch_ood": Reference("pytorch-ood 0.4.0", pytorch_ood_gmm),
    "ssd": Reference("formula (numpy pinv)", unit_mahalanobis),
}
