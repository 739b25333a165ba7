"""pNML: the regret of a last layer that could fit the sample's own label (Bibas et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import product_with
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.moments import train_moments
from mood_sweeps.scorers.numeric.rounding import measured_rounding, rounding_variance
from mood_sweeps.scorers.numeric.rows import by_rows, row_lengths, unit_rows
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.numeric.whitened_distances import (
    nearest_squared,
    nearest_state,
    singular_notes,
    whitening,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["PNML"]


@dataclass(frozen=True)
class PNML(Scorer):
    """s = −log Σ_c [p_c / (p_c + (1 − p_c) p_cᵏ)] / log C, k = q / (1 + q), q = x̂ᵀ(X̂ᵀX̂)⁺x̂.

    x̂ = x / ‖x‖₂, X̂ the train features of unit length, p = softmax(W x̂ + b). Bibas, Feder and
    Hassner, "Single Layer Predictive Normalized Maximum Likelihood for Out-of-Distribution
    Detection" (2021); the head gets x̂ here, in their code and in pytorch-ood 0.4.0. The regret is
    0 for a direction seen infinitely often (q = 0) and below 1.
    Cost: N·D² to fit, shared with mahalanobis@moodv1; D² / 2 + C·D a sample.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening W (D, r) with W Wᵀ = N (X̂ᵀX̂)⁺, means (1, r) and
        centre all zero, weight (C, D), bias (C,) and count N ().

        Raises Undefined for one class, or where all features are zero.
        """
        head = head_of(head, train_features_of(train).shape[1])
        if len(head.weight) == 1:
            raise Undefined("with one class there is nothing to regret: log C is 0")
        moments = train_moments(train, unit_rows)
        second = moments.scatter / moments.count + np.outer(moments.mean, moments.mean)
        zero = np.zeros_like(moments.mean)
        least = rounding_variance(measured_rounding(train), moments.mean, moments.variance)
        matrix = whitening(second, least)
        return {
            **nearest_state(zero, matrix, zero[None], np.diag(second)),
            "weight": np.ascontiguousarray(head.weight),
            "bias": head.bias.astype(np.float64),
            "count": np.asarray(moments.count, dtype=np.float64),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        weight, bias = state["weight"], state["bias"]
        features = features_of(bank, width=weight.shape[1])
        seen = nearest_squared(bank, state, unit_rows) / state["count"]
        product = product_with(weight.T)

        def block(rows: slice) -> Scores:
            lengths = row_lengths(features[rows])[:, None]
            log_p = log_softmax(product(features[rows]) / lengths + bias)
            # p / (p + (1 − p) pᵏ) = 1 / (1 + (1 − p) pᵏ⁻¹), and k − 1 = −1 / (1 + q). Only
            # a class with p ≈ 0 overflows: its term is 0.
            with np.errstate(over="ignore"):
                others = -np.expm1(log_p) * np.exp(log_p / -(1 + seen[rows])[:, None])
            regret: Scores = np.log((1 / (1 + others)).sum(axis=1)) / np.log(len(weight))
            return -regret

        return defined(by_rows(len(features), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions that the pseudo-inverse leaves out."""
        del bank
        return singular_notes("X̂ᵀX̂", *state["whitening"].shape)
