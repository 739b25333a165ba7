"""Negative entropy of the predicted distribution (Chan et al., 2021)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of
from mood_sweeps.scorers.numeric.rows import by_rows, cached_rows
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["Entropy", "EntropyPytorchOOD"]


@dataclass(frozen=True)
class Entropy(LearnsNothing):
    """s = Σ_c p_c log p_c in nats, in [−log C, 0], with 0 · log 0 = 0."""

    version: ClassVar[int] = 2
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        logits = logits_of(bank)

        def block(rows: slice) -> Scores:
            below = logits[rows] - logits[rows].max(axis=1, keepdims=True)
            weights = np.exp(below)
            # In float64: the other classes may add tiny numbers to the 1 of the most likely class.
            total = np.einsum("ij->i", weights, dtype=np.float64)
            inside = np.einsum("ij,ij->i", weights, below, dtype=np.float64)
            entropy: Scores = inside / total - np.log(total)
            return entropy

        return defined(by_rows(len(bank), block, cached_rows(logits.shape[1])))


@dataclass(frozen=True)
class EntropyPytorchOOD(LearnsNothing):
    """s = Σ_c q_c log q_c, q_c = max(p_c, 10⁻⁷): the entropy of pytorch-ood 0.4.0.

    Every class at the bound adds 1.6·10⁻⁶ to the entropy, so that certain predictions are ordered
    by the most likely class alone, not always as by the exact entropy.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        logits = logits_of(bank)

        def block(rows: slice) -> Scores:
            log_q = logits[rows] - logits[rows].max(axis=1, keepdims=True)
            q = np.exp(log_q)
            total = np.einsum("ij->i", q, dtype=np.float64)[:, None]
            log_q -= np.log(total).astype(q.dtype)
            q /= total.astype(q.dtype)
            np.maximum(log_q, math.log(1e-7), out=log_q)
            np.maximum(q, 1e-7, out=q)
            entropy: Scores = np.einsum("ij,ij->i", q, log_q).astype(np.float64)
            return entropy

        return defined(by_rows(len(bank), block, cached_rows(logits.shape[1])))
