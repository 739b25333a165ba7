"""Independent implementations of the gradient scores."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood import detector

from tests.support.scorer_references.compare import Reference

AUTOGRAD = "torch autograd, sample by sample"


def gradnorm(case):
    scores = []
    for x in torch.from_numpy(case.test.features).double():
        weight = torch.from_numpy(case.head.weight).double().requires_grad_()
        logits = weight @ x + torch.from_numpy(case.head.bias).double()
        loss = -torch.log_softmax(logits, dim=0).sum()
        (gradient,) = torch.autograd.grad(loss, weight)
        scores.append(float(gradient.abs().sum()))
    return np.array(scores)


def of_last_layer(kind):
    """Return the scores of a pytorch-ood detector of all parameters of the head, reversed."""

    def scores(case):
        classes, width = case.head.weight.shape
        layer = torch.nn.Linear(width, classes).double()
        layer.weight.data = torch.from_numpy(case.head.weight).double()
        layer.bias.data = torch.from_numpy(case.head.bias).double()
        return -kind(layer).predict(torch.from_numpy(case.test.features).double()).numpy()

    return scores


REFERENCES = {
    "gradnorm": Reference(AUTOGRAD, gradnorm),
    "gradnorm@moodv2": Reference(AUTOGRAD, gradnorm),
    "gradnorm@openood": Reference(AUTOGRAD, gradnorm),
    "gradnorm@pytorch_ood": Reference("pytorch-ood 0.4.0", of_last_layer(detector.GradNorm)),
    "grad_uncertainty": Reference("pytorch-ood 0.4.0", of_last_layer(detector.GradUncertainty)),
}
