"""Independent implementations of the scores that shape activations."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_ood import detector
from scipy.special import logsumexp

from tests.support.plain_torch_network import PlainTorch, double_precision, images_of
from tests.support.scorer_references.compare import Reference

POOD = "pytorch-ood 0.4.0"


def linear(case):
    weight = torch.from_numpy(case.head.weight).double()
    bias = torch.from_numpy(case.head.bias).double()
    return lambda x: x.flatten(1) @ weight.T + bias


def maps(features):
    """Features as the 1 × 1 feature maps that pytorch-ood expects."""
    return torch.from_numpy(features).double()[:, :, None, None]


def of_maps(make):
    """Return the scores of a pytorch-ood detector of feature maps, reversed."""

    def scores(case):
        built = make(linear(case))
        if hasattr(built, "fit_feature_maps"):
            built.fit_feature_maps(maps(case.train.features), torch.from_numpy(case.train.labels))
        return -built.predict_feature_maps(maps(case.test.features)).numpy()

    return scores


def before_pooling(make):
    """Return the scores of a pytorch-ood detector on the last map of a network, reversed."""

    def scores(case):
        network = PlainTorch(case.head)
        built = make(network.blocks, network.classifier)
        with double_precision():
            if built.requires_fit:
                train = images_of(case.train)
                built.fit([(train, torch.from_numpy(case.train.labels))])
            return -built.predict(images_of(case.test)).numpy()

    return scores


def ash(variant, percentile):
    return of_maps(lambda head: detector.ASH(None, head, variant, percentile))


def scale(percentile):
    return of_maps(lambda head: detector.SCALE(None, head, percentile))


def react_at_one(case):
    built = detector.ReAct(None, linear(case), threshold=1.0)
    return -built.predict_feature_maps(maps(case.test.features)).numpy()


def lts(case):
    built = detector.LTS(None, linear(case))
    return -built.predict_features(torch.from_numpy(case.test.features).double()).numpy()


def dice(case):
    weight, bias = torch.from_numpy(case.head.weight), torch.from_numpy(case.head.bias)
    built = detector.DICE(None, weight, bias, p=0.9)
    built.fit_features(torch.from_numpy(case.train.features), torch.from_numpy(case.train.labels))
    return -built.predict_features(torch.from_numpy(case.test.features)).numpy()


def energy(case, features):
    return logsumexp(features @ case.head.weight.T.astype(np.float64) + case.head.bias, axis=1)


def clipped_energy(lower, upper):
    """Energy of activations clipped to two percentiles of all activations, as OpenOOD has it."""

    def scores(case):
        seen = np.sort(case.train.features, axis=None).astype(np.float64)
        places = np.linspace(0, 100, len(seen))
        low, high = (np.interp(at, places, seen) for at in (lower, upper))
        return energy(case, np.minimum(np.maximum(case.test.features, low), high))

    return scores


def vra(case):
    features = case.test.features.astype(np.float64)
    for column, seen in zip(features.T, case.train.features.T, strict=True):
        low, high = np.percentile(seen.astype(np.float64), [60, 90])
        column[:] = [0 if x < low else min(x, high) for x in column]
    return energy(case, features)


REFERENCES = {
    "react@moodv2": Reference("formula (numpy, scipy)", clipped_energy(0, 99)),
    "react@openood": Reference("formula (numpy, scipy)", clipped_energy(0, 90)),
    "react_pooled@pytorch_ood": Reference(POOD, react_at_one),
    "react@pytorch_ood": Reference(
        POOD, before_pooling(detector.ReAct), parameters={"quantile": 0.9}
    ),
    "vra": Reference("formula (numpy, scipy)", vra),
    "vra@openood": Reference("formula (numpy, scipy)", clipped_energy(10, 90)),
    "vra_pooled@pytorch_ood": Reference(POOD, of_maps(lambda head: detector.VRA(None, head))),
    "vra@pytorch_ood": Reference(POOD, before_pooling(detector.VRA)),
    "ash_p": Reference(POOD, ash("ash-p", 0.65)),
    "ash_b": Reference(POOD, ash("ash-b", 0.65), exact_ranks=0.9995),
    "ash_b@openood": Reference(POOD, ash("ash-b", 0.90), exact_ranks=0.9995),
    "ash_s": Reference(POOD, ash("ash-s", 0.90)),
    "ash_s_pooled@pytorch_ood": Reference(POOD, ash("ash-s", 0.65)),
    "ash_s@pytorch_ood": Reference(POOD, before_pooling(detector.ASH)),
    "ash_p@pytorch_ood": Reference(
        POOD, before_pooling(lambda *parts: detector.ASH(*parts, "ash-p"))
    ),
    "scale": Reference(POOD, scale(0.85)),
    "scale_pooled@pytorch_ood": Reference(POOD, scale(0.65)),
    "scale@pytorch_ood": Reference(POOD, before_pooling(detector.SCALE)),
    "lts": Reference(POOD, lts),
    "dice": Reference(POOD, dice, exact_ranks=0.9995),
    "dice@openood": Reference(POOD, dice, exact_ranks=0.9995),
    "dice@pytorch_ood": Reference(POOD, dice, exact_ranks=0.9995),
}
