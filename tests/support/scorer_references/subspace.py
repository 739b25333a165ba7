"""Independent implementations of the hybrid scores by subspaces, class means and boundaries."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood.detector import NCI, fDBD
from pytorch_ood.detector import ViM as PytorchOodViM
from scipy.special import logsumexp, softmax
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from tests.support.scorer_references.compare import Reference


def vim(kept):
    def scores(case):
        origin = -np.linalg.pinv(case.head.weight.astype(np.float64)) @ case.head.bias
        axes = np.linalg.svd(case.train.features - origin, full_matrices=True)[2][kept:].T

        def residual(bank):
            return np.linalg.norm((bank.features - origin) @ axes, axis=1)

        largest = case.train.logits.max(axis=1).astype(np.float64)
        alpha = largest.mean() / residual(case.train).mean()
        return logsumexp(case.test.logits.astype(np.float64), axis=1) - alpha * residual(case.test)

    return scores


def tensors(bank):
    return torch.from_numpy(bank.features), torch.from_numpy(bank.labels)


def linear(head):
    layer = torch.nn.Linear(*head.weight.shape[::-1])
    layer.weight.data = torch.from_numpy(head.weight)
    layer.bias.data = torch.from_numpy(head.bias)
    return layer


def pytorch_ood_vim(case):
    layer = linear(case.head)
    half = case.train.features.shape[1] // 2
    detector = PytorchOodViM(None, d=half, w=layer.weight, b=layer.bias)
    detector.fit_features(*tensors(case.train))
    return -detector.predict_features(tensors(case.test)[0]).numpy()


def pytorch_ood(detector):
    def scores(case):
        fitted = detector(None, linear(case.head)).fit_features(*tensors(case.train))
        return -fitted.predict_features(tensors(case.test)[0]).numpy()

    return scores


def neco(case):
    known, new = (bank.features.astype(np.float64) for bank in (case.train, case.test))
    scaler = StandardScaler().fit(known)
    pca = PCA().fit(scaler.transform(known))
    scaled = scaler.transform(new)
    inside = pca.transform(scaled)[:, : scaled.shape[1] // 2]
    ratio = np.linalg.norm(inside, axis=1) / np.linalg.norm(scaled, axis=1)
    return ratio * case.test.logits.max(axis=1)


def nci(case):
    mean = case.train.features.astype(np.float64).mean(axis=0)
    scores = []
    for x, z in zip(case.test.features.astype(np.float64), case.test.logits, strict=True):
        direction = (x - mean) / np.linalg.norm(x - mean)
        scores.append(case.head.weight[z.argmax()] @ direction + 1e-4 * np.abs(x).sum())
    return np.array(scores)


def fdbd_sum(case):
    mean = case.train.features.astype(np.float64).mean(axis=0)
    scores = []
    for x, z in zip(case.test.features, case.test.logits.astype(np.float64), strict=True):
        best = z.argmax()
        total = sum(
            (z[best] - z[c]) / np.linalg.norm(case.head.weight[best] - case.head.weight[c])
            for c in range(len(z))
            if c != best
        )
        scores.append(total / np.linalg.norm(x - mean))
    return np.array(scores)


def pnml(case):
    known, new = (bank.features.astype(np.float64) for bank in (case.train, case.test))
    known, new = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (known, new))
    inverse = np.linalg.pinv(known)
    scores = []
    for x in new:
        p = softmax(case.head.weight.astype(np.float64) @ x + case.head.bias)
        seen = ((x @ inverse) ** 2).sum()
        regret = np.log((p / (p + (1 - p) * p ** (seen / (1 + seen)))).sum())
        scores.append(-regret / np.log(len(p)))
    return np.array(scores)


def cadref(case):
    x, predicted = case.train.features.astype(np.float64), case.train.logits.argmax(axis=1)
    average_energy = logsumexp(case.train.logits.astype(np.float64), axis=1).mean()
    scores = []
    for features, logits in zip(
        case.test.features.astype(np.float64), case.test.logits, strict=True
    ):
        best = logits.argmax()
        relative = features - x[predicted == best].mean(axis=0)
        raises = relative * case.head.weight[best] > 0
        error = np.abs(relative[raises]).sum() / logsumexp(logits.astype(np.float64))
        error += np.abs(relative[~raises]).sum() / average_energy
        scores.append(-error / np.abs(features).sum())
    return np.array(scores)


REFERENCES = {
    "vim@moodv2": Reference("formula (numpy svd)", vim(kept=8)),
    "vim@openood": Reference("formula (numpy svd)", vim(kept=6), parameters={"dim": 6}),
    "vim@pytorch_ood": Reference("pytorch-ood 0.4.0", pytorch_ood_vim),
    "neco": Reference("scikit-learn StandardScaler, PCA", neco),
    "nci": Reference("formula, sample by sample", nci),
    "nci@pytorch_ood": Reference("pytorch-ood 0.4.0", pytorch_ood(NCI)),
    "fdbd": Reference("pytorch-ood 0.4.0", pytorch_ood(fDBD)),
    "fdbd@openood": Reference("formula, sample by sample", fdbd_sum),
    "pnml": Reference("formula (numpy pinv)", pnml),
    "cadref": Reference("formula, sample by sample", cadref),
}
