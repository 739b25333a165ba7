"""Score functions: how in-distribution a sample is, from cached features and logits."""

from __future__ import annotations

from mood_sweeps.scorers.energy import Energy
from mood_sweeps.scorers.entropy import Entropy
from mood_sweeps.scorers.gradnorm import GradNorm
from mood_sweeps.scorers.kl_matching import KLMatching
from mood_sweeps.scorers.knn import KNN
from mood_sweeps.scorers.mahalanobis import Mahalanobis
from mood_sweeps.scorers.max_logit import MaxLogit
from mood_sweeps.scorers.msp import MSP
from mood_sweeps.scorers.react import ReAct
from mood_sweeps.scorers.residual import Residual
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.vim import ViM

__all__ = [
    "KNN",
    "MSP",
    "SCORERS",
    "Energy",
    "Entropy",
    "GradNorm",
    "KLMatching",
    "Mahalanobis",
    "MaxLogit",
    "ReAct",
    "Residual",
    "Scorer",
    "Scores",
    "State",
    "ViM",
]

SCORERS: dict[str, type[Scorer]] = {
    "msp": MSP,
    "max_logit": MaxLogit,
    "energy": Energy,
    "react": ReAct,
    "vim": ViM,
    "residual": Residual,
    "gradnorm": GradNorm,
    "mahalanobis": Mahalanobis,
    "kl_matching": KLMatching,
    "entropy": Entropy,
    "knn": KNN,
}
