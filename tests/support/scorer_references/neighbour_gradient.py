"""Independent implementation of the gradient score that searches neighbours."""

from __future__ import annotations

import numpy as np
import torch

from tests.support.scorer_references.compare import Reference


def grood(case, noise=100, seed=0):
    """Gradients by autograd, sample by sample; distances of all pairs."""
    train, labels = torch.from_numpy(case.train.features).double(), case.train.labels
    prototypes = torch.stack([train[labels == c].mean(dim=0) for c in np.unique(labels)])
    drawn = np.random.default_rng(seed).standard_normal((noise, train.shape[1]))
    noises = train.mean(dim=0) + torch.from_numpy(drawn) * train.std(dim=0, correction=0)
    ood_prototype = noises.mean(dim=0).requires_grad_()

    def gradient(x):
        distances = torch.stack([torch.linalg.norm(x - p) for p in (*prototypes, ood_prototype)])
        loss = -torch.log_softmax(-distances, dim=0)[distances[:-1].argmin()]
        return torch.autograd.grad(loss, ood_prototype)[0]

    nearest = torch.cdist(train, prototypes).argmin(dim=1).numpy()
    remembered = torch.stack([gradient(x) for x in train[nearest == labels]])
    scored = torch.stack([gradient(x) for x in torch.from_numpy(case.test.features).double()])
    apart = torch.cdist(scored, remembered, compute_mode="donot_use_mm_for_euclid_dist")
    return -(apart.min(dim=1).values ** 2).numpy()


REFERENCES = {
    "grood": Reference("torch autograd, sample by sample", grood),
}
