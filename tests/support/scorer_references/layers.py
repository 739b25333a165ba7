"""Independent implementations of the scores that look at the maps of inner blocks."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import torch
from pytorch_ood import detector as pytorch_ood
from pytorch_ood.detector.rankfeat import _remove_rank1

from tests.support.plain_torch_network import PlainTorch, double_precision, images_of
from tests.support.scorer_references.compare import Reference

PYTORCH_OOD = "pytorch-ood 0.4.0"


def multi_mahalanobis(case):
    network = PlainTorch(case.head)
    train = [(images_of(case.train), torch.from_numpy(case.train.labels))]
    with double_precision():
        detector = pytorch_ood.MultiMahalanobis(list(network.blocks)).to("cpu").fit(train)
        return -detector.predict(images_of(case.test)).numpy()


def mahalanobis_layers(case):
    return 2 * len(case.train) * multi_mahalanobis(case)


def rankfeat(case):
    """Both blocks' maps without their first singular triplet, by torch's decomposition."""
    first, second = (network := PlainTorch(case.head)).blocks
    maps = first(images_of(case.test))
    from_first = network.classifier(second(_remove_rank1(maps)))
    from_second = network.classifier(_remove_rank1(second(maps)))
    return torch.logsumexp((from_first + from_second) / 2, dim=1).numpy()


def gram(case, powers=10, share=0.1, seed=0):
    """Gram matrices in full; bounds of one class at a time."""
    network = PlainTorch(case.head)

    def sums(images):
        """Return row sums (n, blocks, powers, channels)."""
        maps, found = images, []
        for block in network.blocks:
            maps = block(maps)
            flat = maps.flatten(2)
            for p in range(1, powers + 1):
                rows = torch.bmm(flat**p, (flat**p).transpose(1, 2)).sum(dim=2)
                found.append(rows.sign() * rows.abs() ** (1 / p))
        return torch.stack(found, dim=1).unflatten(1, (-1, powers))

    def deviations(images):
        confidence, predicted = torch.softmax(network(images), dim=1).max(dim=1)
        found = torch.empty(len(images), len(network.blocks), dtype=torch.float64)
        for c in predicted.unique():
            seen = known[known_class == c] if (known_class == c).any() else known
            low, high, here = seen.min(dim=0).values, seen.max(dim=0).values, predicted == c
            g = sums(images[here])
            outside = torch.relu(low - g) / (low + 1e-6).abs()
            outside += torch.relu(g - high) / (high + 1e-6).abs()
            found[here] = outside.sum(dim=(2, 3)) / confidence[here, None]
        return found

    train = images_of(case.train)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(train)))
    held, kept = order[: int(share * len(train))], order[int(share * len(train)) :]
    known, known_class = sums(train[kept]), network(train[kept]).argmax(dim=1)
    expected = deviations(train[held]).mean(dim=0)
    return -(deviations(images_of(case.test)) / expected).sum(dim=1).numpy()


def nac_of_pytorch_ood(case):
    network = PlainTorch(case.head)
    with double_precision():
        detector = pytorch_ood.NACUE(network, list(network.blocks))
        detector.fit([images_of(case.train).requires_grad_()])
        return -detector.predict(images_of(case.test).requires_grad_()).numpy()


def coverage(train, test, m, enough):
    """The score of NAC-UE's official code (BierOne/ood_coverage), neuron by neuron.

    train, test: activations in (0, 1) of each layer, (n, width). M thresholds bound M − 1
    intervals, laid by logarithms up to ½ and mirrored there; the last threshold but one is just
    above 1, so that no activation reaches the last interval. Scores are means over neurons, then
    over layers.
    """
    grid = [1 + (math.sqrt(1000) - 1) * step / (m // 2 - 1) for step in range(m // 2)]
    rising = [math.log(at, 1000) for at in grid[:-1]]
    thresholds = [*rising, 0.5, *(1 - at for at in reversed(rising))]
    thresholds[-1] += 0.01
    thresholds.append(1.2)
    assert len(thresholds) == m

    def interval(value):
        pairs = enumerate(itertools.pairwise(thresholds))
        (found,) = [at for at, (low, high) in pairs if low <= value < high]
        return found

    layers = []
    for known, asked in zip(train, test, strict=True):
        neurons = []
        for seen, values in zip(known.T.tolist(), asked.T.tolist(), strict=True):
            times = Counter(map(interval, seen))
            neurons.append([min(times[interval(value)] / enough, 1.0) for value in values])
        layers.append(np.mean(neurons, axis=0))
    return np.mean(layers, axis=0)


def nac(case, alpha=100.0):
    """Of a ResNet the official code takes the blocks but the last, and the global average pool.

    State and gradient are summed over positions, each.
    """
    network = PlainTorch(case.head)

    def activations(bank):
        first, second = network.blocks
        block = first(images_of(bank).requires_grad_())
        pool = second(block).mean(dim=(2, 3), keepdim=True) / 2
        logits = pool.flatten(1) @ network.classifier.weight.T + network.classifier.bias
        uniform = torch.full_like(logits, 1 / logits.shape[1])
        loss = torch.nn.functional.cross_entropy(logits, uniform, reduction="sum")
        layers = (block, pool)
        return [
            torch.sigmoid(alpha * state.detach().sum(dim=(2, 3)) * slope.sum(dim=(2, 3)))
            for state, slope in zip(layers, torch.autograd.grad(loss, layers), strict=True)
        ]

    return coverage(activations(case.train), activations(case.test), m=50, enough=50)


REFERENCES = {
    "gram": Reference("formula, matrices in full", gram),
    "rankfeat": Reference(PYTORCH_OOD, rankfeat),
    "mahalanobis_layers": Reference(PYTORCH_OOD, mahalanobis_layers),
    "mahalanobis_layers@pytorch_ood": Reference(PYTORCH_OOD, multi_mahalanobis),
    "nac": Reference("formula (torch autograd), neuron by neuron", nac),
    "nac@pytorch_ood": Reference(PYTORCH_OOD, nac_of_pytorch_ood),
}
