"""Independent implementations of the probability scores."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood import detector as pytorch_ood
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from torch import from_numpy

from tests.support.scorer_references.compare import Reference
from tests.support.scorer_references.logit import max_logit


def double(array):
    return from_numpy(array).double()


def msp(case):
    return softmax(case.test.logits.astype(np.float64), axis=1).max(axis=1)


def temperature_msp(case):
    logits, labels = case.train.logits.astype(np.float64), case.train.labels
    others = (logits.sum(axis=1) - logits.max(axis=1)) / (logits.shape[1] - 1)
    lead = (logits.max(axis=1) - others).mean()

    def loss(log_t):
        return -log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(labels)), labels].mean()

    bounds = (np.log(lead / 32), np.log(lead * 32))
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x
    return softmax(case.test.logits / np.exp(best), axis=1).max(axis=1)


def descended_msp(start):
    def scores(case):
        detector = pytorch_ood.TemperatureScaling(None)
        detector.t.data = torch.tensor(start, dtype=torch.float64)
        detector.fit_logits(double(case.train.logits), from_numpy(case.train.labels))
        return -detector.predict_logits(double(case.test.logits)).detach().numpy()

    return scores


def mcm(case):
    return softmax(case.test.logits.astype(np.float64) / 2.5, axis=1).max(axis=1)


def mcm_of_cosines(case):
    detector = pytorch_ood.MCM(None, from_numpy(case.head.weight))
    return -detector.predict_features(from_numpy(case.test.features)).numpy()


def negative_entropy(case):
    return -entropy(softmax(case.test.logits.astype(np.float64), axis=1), axis=1)


def clipped_entropy(case):
    return -pytorch_ood.Entropy(None).predict_logits(double(case.test.logits)).numpy()


def gen(case):
    p = np.sort(softmax(case.test.logits.astype(np.float64), axis=1), axis=1)[:, -3:]
    return -((p * (1 - p)) ** 0.1).sum(axis=1)


def gen_in_float32(case):
    p = from_numpy(case.test.logits).softmax(dim=1).sort(dim=1).values[:, -3:]
    return -(p**0.1 * (1 - p) ** 0.1).sum(dim=1).numpy()


def gen_mean(case):
    return -pytorch_ood.GEN(None).predict_logits(double(case.test.logits)).numpy()


def kl_matching(case):
    detector = pytorch_ood.KLMatching(None)
    detector.fit_logits(double(case.train.logits))
    return -detector.predict_logits(double(case.test.logits)).numpy()


def kl_matching_one_hot(case):
    known = softmax(case.train.logits.astype(np.float64), axis=1)
    predicted = known.argmax(axis=1)
    posteriors = np.eye(known.shape[1])
    for c in np.unique(predicted):
        posteriors[c] = known[predicted == c].mean(axis=0)
    p = softmax(case.test.logits.astype(np.float64), axis=1)
    return -entropy(p[:, None, :], posteriors[None], axis=2).min(axis=1)


REFERENCES = {
    "msp": Reference("scipy softmax", msp),
    "msp@moodv1": Reference("pytorch-ood 0.4.0", max_logit),
    "temperature_msp": Reference("scipy minimize_scalar", temperature_msp),
    "temperature_msp@openood": Reference("pytorch-ood 0.4.0 from T = 1.5", descended_msp(1.5)),
    "temperature_msp@pytorch_ood": Reference("pytorch-ood 0.4.0", descended_msp(1.0)),
    "mcm": Reference("scipy softmax", mcm, {"tau": 2.5}),
    "mcm@pytorch_ood": Reference("pytorch-ood 0.4.0", mcm_of_cosines),
    "entropy": Reference("scipy entropy", negative_entropy),
    "entropy@pytorch_ood": Reference("pytorch-ood 0.4.0", clipped_entropy),
    "gen": Reference("formula (scipy softmax)", gen, {"M": 3}),
    "gen@openood": Reference("formula (torch, float32)", gen_in_float32, {"M": 3}),
    "gen@pytorch_ood": Reference("pytorch-ood 0.4.0", gen_mean),
    "kl_matching": Reference("pytorch-ood 0.4.0", kl_matching),
    "kl_matching@moodv2": Reference("pytorch-ood 0.4.0", kl_matching),
    "kl_matching@openood": Reference("scipy entropy", kl_matching_one_hot),
    "kl_matching@pytorch_ood": Reference("pytorch-ood 0.4.0", kl_matching),
}
