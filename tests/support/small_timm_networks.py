"""Small architectures of timm as scorers meet them, and as plain torch modules beside it."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.inspection.live_network import LiveNetwork
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.timm_networks import build, describe

CLASSES = 7


class Network(NamedTuple):
    """network: timm's module without classifier. classifier: the linear layer on its features.

    checkpoint: both, as they are stored. train, test: banks of random images, of different noise.
    """

    network: nn.Module
    classifier: nn.Linear
    checkpoint: Checkpoint
    train: FeatureBank
    test: FeatureBank

    def logits(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.network(inputs))
        return logits


def networked(name: str, image_size: int = 64, n: int = 36) -> Network:
    """Return an architecture with random weights, none of them zero."""
    torch.manual_seed(0)
    architecture = describe(choose_backbone({name: {"image_size": image_size}}))
    network = build(architecture)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:  # norms begin as the identity, and some blocks as nothing
                parameter.add_(0.3 * torch.randn(parameter.shape))
    network.eval()
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n, 3, image_size, image_size)).astype(np.float32)
    inputs *= np.linspace(0.2, 2, n, dtype=np.float32)[:, None, None, None]
    inputs = inputs[rng.permutation(n)]
    with torch.no_grad():
        features = network(torch.from_numpy(inputs))
    classifier = nn.Linear(features.shape[1], CLASSES)
    with torch.no_grad():
        classifier.weight.mul_(3 / features.std(dim=0).mean())
    head = Head(classifier.weight.detach().numpy(), classifier.bias.detach().numpy())
    checkpoint = Checkpoint(architecture, network.state_dict(), head)
    whole = FeatureBank(
        features.numpy(),
        np.arange(n) % CLASSES,
        classifier(features).detach().numpy(),
        inputs,
        LiveNetwork(checkpoint),
    )
    cut = 2 * n // 3
    train, test = (_part(whole, rows) for rows in (slice(cut), slice(cut, None)))
    return Network(network, classifier, checkpoint, train, test)


def _part(bank: FeatureBank, rows: slice) -> FeatureBank:
    parts = {name: getattr(bank, name)[rows] for name in ("features", "labels", "logits", "inputs")}
    return dataclasses.replace(bank, **parts)
