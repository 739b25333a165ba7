"""Independent implementations of the scores that belong to a way of training."""

from __future__ import annotations

import numpy as np
import scipy.special
import torch
from pytorch_ood.detector import MCD
from torch import nn

from tests.support.scorer_references.compare import Reference

PASSES = 30


class Masked(nn.Module):
    """A head after dropout with given masks, one for each time it is called."""

    def __init__(self, head, passes, p=0.5, seed=0):
        super().__init__()
        drawn = np.random.default_rng(seed).random((passes, head.weight.shape[1]))
        self.masks = iter(torch.from_numpy((drawn >= p) / (1 - p)))
        self.weight = torch.from_numpy(head.weight).double()
        self.bias = torch.from_numpy(head.bias).double()

    def forward(self, features):
        return (features * next(self.masks)) @ self.weight.T + self.bias


def of_pytorch_ood(mode):
    def scores(case):
        detector = MCD(Masked(case.head, PASSES), samples=PASSES, mode=mode)
        return -detector.predict(torch.from_numpy(case.test.features).double()).numpy()

    return scores


def mean_of_logits(case):
    masked = Masked(case.head, passes=5)
    features = torch.from_numpy(case.test.features).double()
    logits = torch.stack([masked(features) for _ in range(5)]).mean(dim=0)
    return torch.softmax(logits, dim=1).max(dim=1).values.numpy()


def log_sigmoid_of_the_detector(case):
    *weight, bias = case.head.detector.astype(np.float64)
    return scipy.special.log_expit(case.test.features.astype(np.float64) @ weight + bias)


REFERENCES = {
    "ssod": Reference("SciPy, log σ of the detector", log_sigmoid_of_the_detector),
    "mc_dropout": Reference("pytorch-ood 0.4.0", of_pytorch_ood("mean")),
    "mc_dropout@openood": Reference("formula, the masks given", mean_of_logits),
    "mc_dropout@pytorch_ood": Reference("pytorch-ood 0.4.0", of_pytorch_ood("var")),
}
