"""NAC on real architectures: the official codes' layers, and a ViT pooled by its class token."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch
from pytorch_ood import detector

from mood_sweeps.scorers.feature.nac import NAC, NACPytorchOOD
from tests.support.plain_torch_network import double_precision, images_of
from tests.support.scorer_references.layers import coverage
from tests.support.small_timm_networks import networked

networks = functools.cache(networked)

# Global average pool; class token; mean of patches beside registers and no class token.
ARCHITECTURES = ["test_resnet", "test_vit", "test_vit2"]


def blocks_of(network):
    return [network.get_submodule(one["module"]) for one in network.feature_info]


def layers_of(made, bank):
    """Outputs of all blocks and the features, float64, and the gradients of KL(u ‖ p) by them."""
    seen = []
    hooks = [
        one.register_forward_hook(lambda _m, _a, output: seen.append(output))
        for one in blocks_of(made.network)
    ]
    features = made.network(torch.from_numpy(bank.inputs).requires_grad_())
    for hook in hooks:
        hook.remove()
    logits = made.classifier(features)
    loss = -torch.log_softmax(logits, dim=1).mean(dim=1).sum()
    layers = [*seen, features]
    gradients = torch.autograd.grad(loss, layers)
    return [(a.detach().double(), b.double()) for a, b in zip(layers, gradients, strict=True)]


def summed(values):
    """The official pooling: of maps over positions, of tokens over all, the class token's too."""
    return {4: lambda v: v.sum(dim=(2, 3)), 3: lambda v: v.sum(dim=1), 2: lambda v: v}[values.ndim](
        values
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("alpha", "enough"), [(100.0, 50), (1.0, 5)])
def test_is_the_official_score(architecture, alpha, enough):
    made = networks(architecture)

    def activations(bank):
        *inner, _, features = layers_of(made, bank)
        return [torch.sigmoid(alpha * summed(a) * summed(b)) for a, b in (*inner, features)]

    expected = coverage(activations(made.train), activations(made.test), m=50, enough=enough)
    scorer = NAC(alpha=alpha, bins=50, enough=enough)
    scores = scorer.score(scorer.fit(made.train, None), made.test)
    assert np.ptp(expected) > 0.01
    # A value beside an edge may be counted beyond it: float32 of the network.
    np.testing.assert_allclose(scores, expected, atol=2e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_is_pytorch_ood_on_all_blocks(architecture):
    made = networks(architecture)
    whole = copy.deepcopy(torch.nn.Sequential(made.network, made.classifier)).double()
    with double_precision():  # its bins near 1 are narrower than float32 can tell
        theirs = detector.NACUE(
            whole,
            blocks_of(whole[0]),
            alpha=1000.0,
            o_star=5,
            feature_reduce=lambda z: z.mean(dim=(2, 3) if z.ndim == 4 else 1),
        )
        theirs.fit([images_of(made.train).requires_grad_()])
        expected = -theirs.predict(images_of(made.test).requires_grad_()).numpy()
    scorer = NACPytorchOOD(alpha=1000.0, enough=5)
    scores = scorer.score(scorer.fit(made.train, None), made.test)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(scores, expected, atol=2e-3 * len(blocks_of(made.network)))


@pytest.mark.parametrize("kind", [NAC, NACPytorchOOD])
def test_no_layer_of_a_class_token_vit_is_without_influence(kind):
    state = kind().fit(networks("test_vit").train, None)
    layers = [counts for name, counts in state.items() if name.startswith("counts")]
    assert len(layers) == 6  # five blocks and the features; or six blocks
    for counts in layers:
        at_half = counts[:, counts.shape[1] // 2 - 1 : counts.shape[1] // 2 + 1].sum(axis=1)
        assert (at_half < counts.sum(axis=1)).mean() > 0.5
