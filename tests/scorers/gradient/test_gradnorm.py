from __future__ import annotations

import numpy as np
import torch
from pytorch_ood.detector import GradNorm as PytorchOodGradNorm
from scipy.stats import spearmanr

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.gradient.gradnorm import GradNorm, GradNormPytorchOOD


def linear(head):
    layer = torch.nn.Linear(head.weight.shape[1], len(head.weight)).double()
    layer.weight.data = torch.from_numpy(head.weight).double()
    layer.bias.data = torch.from_numpy(head.bias).double()
    return layer


def test_is_the_length_of_the_gradient_that_autograd_finds(case):
    layer = linear(case.head)
    reference = []
    for x in torch.from_numpy(case.test.features).double():
        layer.zero_grad()
        (-torch.log_softmax(layer(x), dim=0)).sum().backward()
        reference.append(layer.weight.grad.abs().sum().item())
    np.testing.assert_allclose(GradNorm().score({}, case.test), reference, rtol=1e-5)


def test_by_hand():
    # p = (3/4, 1/4): C·p − 1 = (1/2, −1/2); ‖x‖₁ = 3.
    bank = FeatureBank(np.array([[1.0, -2.0]]), np.zeros(1, int), np.log([[3.0, 1.0]]))
    np.testing.assert_allclose(GradNorm().score({}, bank), [3.0])


def test_pytorch_ood_takes_the_bias_and_the_mean_by_hand():
    # p − 1/C = (1/4, −1/4); ‖x‖₁ + 1 = 4.
    bank = FeatureBank(np.array([[1.0, -2.0]]), np.zeros(1, int), np.log([[3.0, 1.0]]))
    np.testing.assert_allclose(GradNormPytorchOOD().score({}, bank), [2.0])


def test_moodv1_is_refused_because_it_is_no_function_of_the_sample():
    assert "gradnorm@moodv1" not in SCORERS
    assert "gradnorm@moodv1" in GradNorm.__doc__


def test_ranks_as_pytorch_ood_reversed(case):
    detector = PytorchOodGradNorm(linear(case.head), param_filter=lambda name: name == "weight")
    theirs = -detector.predict(torch.from_numpy(case.test.features).double()).detach().numpy()
    assert spearmanr(GradNorm().score({}, case.test), theirs).statistic > 0.99999
