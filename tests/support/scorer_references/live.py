"""Independent implementations of the gradient scores that ask the network."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood import detector as pytorch_ood
from scipy.stats import ecdf

from tests.support.plain_torch_network import PlainTorch, double_precision, images_of
from tests.support.scorer_references.compare import Reference

PYTORCH_OOD = "pytorch-ood 0.4.0"
AUTOGRAD = "torch autograd, sample by sample"


def odin_of_pytorch_ood(**parameters):
    def scores(case):
        detector = pytorch_ood.ODIN(PlainTorch(case.head), **parameters)
        return -detector.predict(images_of(case.test)).numpy()

    return scores


def each(case, score):
    """Return the scores of a function of the network and one image (1, 1, D), sample by sample."""
    network = PlainTorch(case.head)
    return np.array([float(score(network, image)) for image in images_of(case.test)])


def slope(network, image, of):
    """Return the gradient of ``of`` the logits by an image."""
    given = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(of(network(given[None])[0]), given)
    return gradient


def loss(logits):
    return -torch.log_softmax(logits / 1000, dim=0)[logits.argmax()]


def confidence(network, image):
    return torch.softmax(network(image[None])[0] / 1000, dim=0).max()


def odin_of_openood(case):
    def score(network, image):
        signs = torch.where(slope(network, image, loss) >= 0, 1.0, -1.0)
        return confidence(network, image - 0.0014 * signs / 0.5)

    return each(case, score)


def i_odin(case):
    def score(network, image):
        gradient = slope(network, image, loss)
        mask = gradient.abs() == gradient.abs().max()
        return confidence(network, image - 0.0014 * gradient.sign() * mask / 0.5)

    return each(case, score)


def mahalanobis_odin(case, **parameters):
    """MahalanobisODIN of pytorch-ood: half the distance over N, whatever ε is."""
    network, images = PlainTorch(case.head), images_of(case.test)
    with double_precision():
        detector = pytorch_ood.MahalanobisODIN(network.features, **parameters)
        train = network.features(images_of(case.train)), torch.from_numpy(case.train.labels)
        return -detector.fit_features(*train).predict(images).numpy()


def mahalanobis_perturbed(case):
    scores = mahalanobis_odin(case, eps=0.0014, norm_std=[0.5])
    return 2 * len(case.train) * scores


def adascale(case, logits_of):
    """The shift of one image at a time; its share of ID images by scipy."""
    network = PlainTorch(case.head)
    width = case.train.features.shape[1]
    top, top_shift = max(1, width * 5 // 100), max(1, width // 100)

    def shift(image):
        gradient = slope(network, image, torch.max)
        flattest = gradient.abs().flatten().argsort()[: max(1, width * 5 // 100)]
        noise = torch.zeros_like(image).flatten()
        noise[flattest] = 0.5 * gradient.flatten()[flattest].sign()
        before, after = network.features(torch.stack([image, image + noise.reshape(image.shape)]))
        order = before.argsort(descending=True)
        active = torch.relu(after)[order[:top]].sum()
        return float(active + 10 * (before - after).abs()[order[:top_shift]].sum())

    below = ecdf([shift(image) for image in images_of(case.train)]).cdf

    def score(network, image):
        x = network.features(image[None])[0]
        percentile = 75 + 10 * (1 - below.evaluate(shift(image)))
        kept = width - round(width * float(percentile) / 100)
        active = torch.relu(x).sort(descending=True).values
        ratio = active.sum() / active[:kept].sum()
        return torch.logsumexp(logits_of(network.classifier, x, ratio), dim=0)

    return each(case, score)


def adascale_a(case):
    return adascale(case, lambda head, x, r: head.weight @ (x * r.exp()) + head.bias)


def adascale_l(case):
    return adascale(case, lambda head, x, r: r**2 * (head.weight @ x + head.bias))


REFERENCES = {
    "odin": Reference(PYTORCH_OOD, odin_of_pytorch_ood(norm_std=[0.5])),
    "odin@openood": Reference(AUTOGRAD, odin_of_openood),
    "odin@pytorch_ood": Reference(PYTORCH_OOD, odin_of_pytorch_ood()),
    "i_odin": Reference(AUTOGRAD, i_odin),
    "mahalanobis_perturbed": Reference(PYTORCH_OOD, mahalanobis_perturbed),
    "mahalanobis_perturbed@pytorch_ood": Reference(PYTORCH_OOD, mahalanobis_odin),
    "adascale_a": Reference(AUTOGRAD, adascale_a),
    "adascale_l": Reference(AUTOGRAD, adascale_l),
}
