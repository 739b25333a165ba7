"""The same scores by pytorch-ood, on the tensors of the same banks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_ood import detector
from scoring_bank import Banks, Clock
from torch import Tensor, from_numpy

__all__ = ["PEERS", "Peer", "PeerTime", "measure_peer"]


@dataclass(frozen=True)
class PeerTime:
    """fit, score: seconds; score is of all rows. sampled: how many rows it is extrapolated from."""

    fit: float
    score: float
    sampled: int


@dataclass(frozen=True)
class Peer:
    """A detector and the methods that take tensors.

    make: from the head as a linear layer to the detector. fit, score: names of methods; ``fit``
    empty for one that learns nothing. takes: ``features``, ``maps`` (1 × 1) or ``logits``.
    sample: rows to score of each set, where all would take minutes; the seconds are scaled up.
    """

    make: Callable[[torch.nn.Linear], Any]
    score: str = "predict_features"
    fit: str = "fit_features"
    takes: str = "features"
    sample: int | None = None


def _logits(make: Callable[[torch.nn.Linear], Any], fit: str = "") -> Peer:
    return Peer(make, "predict_logits", fit, "logits")


def _maps(make: Callable[[torch.nn.Linear], Any], fit: str = "") -> Peer:
    return Peer(make, "predict_feature_maps", fit, "maps")


def _head(layer: torch.nn.Linear) -> Callable[[Tensor], Tensor]:
    return lambda x: layer(x.flatten(1))


PEERS = {
    "msp": _logits(lambda _: detector.MaxSoftmax(None)),
    "temperature_msp@pytorch_ood": _logits(
        lambda _: detector.TemperatureScaling(None), "fit_logits"
    ),
    "mcm@pytorch_ood": Peer(lambda head: detector.MCM(None, head.weight.data), fit=""),
    "entropy@pytorch_ood": _logits(lambda _: detector.Entropy(None)),
    "gen@pytorch_ood": _logits(lambda _: detector.GEN(None)),
    "kl_matching@pytorch_ood": _logits(lambda _: detector.KLMatching(None), "fit_logits"),
    "max_logit": _logits(lambda _: detector.MaxLogit(None)),
    "energy": _logits(lambda _: detector.EnergyBased(None)),
    "openmax@pytorch_ood": _logits(lambda _: detector.OpenMax(None), "fit_logits"),
    "mahalanobis@pytorch_ood": Peer(lambda _: detector.Mahalanobis(None)),
    "rmd": Peer(lambda _: detector.RMD(None)),
    "gmm@pytorch_ood": Peer(lambda _: detector.GMM(None)),
    "knn@pytorch_ood": Peer(lambda _: detector.KNN(None), sample=1000),
    "she@pytorch_ood": Peer(lambda head: detector.SHE(None, _head(head))),
    "react_pooled@pytorch_ood": _maps(
        lambda head: detector.ReAct(None, _head(head), threshold=1.0)
    ),
    "vra_pooled@pytorch_ood": _maps(
        lambda head: detector.VRA(None, _head(head)), "fit_feature_maps"
    ),
    "ash_p": _maps(lambda head: detector.ASH(None, _head(head), "ash-p", 0.9)),
    "ash_b": _maps(lambda head: detector.ASH(None, _head(head), "ash-b", 0.9)),
    "ash_s_pooled@pytorch_ood": _maps(lambda head: detector.ASH(None, _head(head), "ash-s", 0.65)),
    "scale_pooled@pytorch_ood": _maps(lambda head: detector.SCALE(None, _head(head), 0.65)),
    "lts": Peer(lambda head: detector.LTS(None, _head(head)), fit=""),
    "dice": Peer(lambda head: detector.DICE(None, head.weight.data, head.bias.data, p=0.9)),
    "vim@pytorch_ood": Peer(
        lambda head: detector.ViM(None, head.in_features // 2, head.weight.data, head.bias.data)
    ),
    "nnguide@pytorch_ood": Peer(lambda head: detector.NNGuide(None, _head(head)), sample=1000),
    "fdbd": Peer(lambda head: detector.fDBD(None, head)),
    "nci@pytorch_ood": Peer(lambda head: detector.NCI(None, head)),
    "pnml": Peer(lambda head: detector.PNML(None, head)),
    "gradnorm@pytorch_ood": Peer(lambda head: detector.GradNorm(head), "predict", "", sample=1000),
    "grad_uncertainty": Peer(
        lambda head: detector.GradUncertainty(head), "predict", "", sample=1000
    ),
}


def measure_peer(peer: Peer, banks: Banks, now: Clock) -> PeerTime:
    """Fit and score with pytorch-ood; what it computes is not looked at."""
    layer = torch.nn.Linear(*banks.head.weight.shape[::-1])
    layer.weight.data = from_numpy(banks.head.weight)
    layer.bias.data = from_numpy(banks.head.bias)
    built = peer.make(layer)
    inputs = [_input(peer, bank) for bank in banks.all()]
    with torch.set_grad_enabled(peer.score == "predict" or "Temperature" in type(built).__name__):
        began = now()
        if peer.fit:
            getattr(built, peer.fit)(inputs[0], from_numpy(banks.train.labels))
        fitted = now()
        for rows in inputs[1:]:
            getattr(built, peer.score)(rows[: peer.sample])
        seconds = now() - fitted
    sampled = sum(len(rows[: peer.sample]) for rows in inputs[1:])
    return PeerTime(fitted - began, seconds * banks.rows / sampled, sampled)


def _input(peer: Peer, bank: Any) -> Tensor:
    given = from_numpy(bank.logits if peer.takes == "logits" else bank.features)
    return given[:, :, None, None] if peer.takes == "maps" else given
