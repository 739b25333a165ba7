"""An independent computation of the score that looks at reconstructions."""

from __future__ import annotations

import torch

from tests.support.scorer_references.compare import Reference


def distance_of_images(case):
    """By torch, of the pixels themselves: the plain network's are its inputs times ½."""
    pixels = 0.5 * torch.from_numpy(case.test.features).double()
    made = 0.5 * 3.5 * torch.tanh(torch.from_numpy(case.test.features).double() / 3.5)
    return -torch.linalg.vector_norm(pixels - made, dim=1).numpy()


REFERENCES = {
    "reconstruction": Reference("torch, Euclidean distance", distance_of_images),
}
