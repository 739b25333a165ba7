"""KL-Matching: divergence from the typical posterior of a class (Hendrycks et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Floats, Head, Ints
from mood_sweeps.scorers.numeric.array_device import product_with
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of, train_logits_of
from mood_sweeps.scorers.numeric.rows import by_rows, cached_rows, row_blocks, row_products
from mood_sweeps.scorers.numeric.softmax import (
    below_largest,
    log_softmax,
    log_sum_exp,
    predicted_classes,
    relative_probabilities,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_notes

__all__ = ["KLMatching", "KLMatchingOpenOOD", "KLMatchingPytorchOOD"]

# log 0 of an impossible class: as good as −∞ in a divergence, but finite, so that 0 times it is 0.
_LOG_ZERO = -1e300

# Sums of probabilities below this may lack terms that rounded to zero: they are recomputed from
# logarithms.
_RARE = 1e-290


@dataclass(frozen=True)
class KLMatching(Scorer):
    """s = −min_c KL(p ‖ d_c), d_c the mean softmax of the train samples predicted as class c.

    Classes are predicted classes, as in the paper. Learning from the train set is MOODv2's choice
    (`kl_matching@moodv2`): it has many samples of every class; the paper and other tools use a
    validation set. A class that is never predicted has no d_c and is never the nearest. All in
    logarithms, so that no probability rounds to zero and no divergence is infinite.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return log_posteriors (K, C), float64: log d_c of the K ≤ C classes predicted."""
        del head
        logits = train_logits_of(train)
        _, groups = np.unique(predicted_classes(train), return_inverse=True)
        return {"log_posteriors": _log_mean_posteriors(logits, groups)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        log_d = state["log_posteriors"]
        logits = logits_of(bank, classes=log_d.shape[1])
        product = product_with(log_d.T)

        def block(rows: slice) -> Scores:
            below = below_largest(logits[rows])
            weights = np.exp(below)
            total = weights.sum(axis=1)
            # KL(p ‖ d) = Σ p log p − Σ p log d, with p = weights / total.
            divergence: Scores = row_products(weights, below) - product(weights).max(axis=1)
            divergence = divergence / total - np.log(total)
            return -np.maximum(divergence, 0)

        return defined(by_rows(len(logits), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes that were never predicted."""
        del bank
        log_d = state["log_posteriors"]
        classes = log_d.shape[1]
        # One variant represents a class without samples by a one-hot vector.
        learnt = int(np.count_nonzero((log_d > _LOG_ZERO).all(axis=1)))
        return class_notes(classes - learnt, classes, "are predicted of no image learnt from")


@dataclass(frozen=True)
class KLMatchingPytorchOOD(KLMatching):
    """As `kl_matching`, with the d_c of an ID validation set, as in pytorch-ood 0.4.0."""

    fits_on: ClassVar[str] = "id_val"


@dataclass(frozen=True)
class KLMatchingOpenOOD(KLMatching):
    """As `kl_matching`, with the d_c of an ID validation set, one-hot for a class without samples.

    OpenOOD's convention. KL(p ‖ one-hot) is infinite unless p is the same one-hot, so that such a
    class is the nearest, at distance 0, only for a prediction with p_c = 1.
    """

    fits_on: ClassVar[str] = "id_val"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return log_posteriors (C, C), float64: log d_c of every class."""
        learnt = super().fit(train, head)["log_posteriors"]
        log_posteriors = np.full((learnt.shape[1], learnt.shape[1]), _LOG_ZERO)
        np.fill_diagonal(log_posteriors, 0.0)
        log_posteriors[np.unique(train_logits_of(train).argmax(axis=1))] = learnt
        return {"log_posteriors": log_posteriors}


def _log_mean_posteriors(logits: Floats, groups: Ints) -> Scores:
    """Return the log of every group's mean softmax, float64 (K, C); groups is (N,), 0 .. K − 1."""
    order, counts = np.argsort(groups, kind="stable"), np.bincount(groups)
    sums = np.zeros((len(counts), logits.shape[1]))
    for rows in row_blocks(len(logits), cached_rows(logits.shape[1])):
        members = order[rows]
        p = relative_probabilities(logits[members])
        p /= p.sum(axis=1, keepdims=True)
        starts = np.flatnonzero(np.diff(groups[members], prepend=-1))
        sums[groups[members[starts]]] += np.add.reduceat(p, starts, axis=0)
    with np.errstate(divide="ignore"):
        log_means: Scores = np.log(sums / counts[:, None])
    for group in np.flatnonzero((sums < _RARE).any(axis=1)):
        log_means[group] = _log_mean_softmax(logits[groups == group])
    return log_means


def _log_mean_softmax(logits: Floats) -> Scores:
    log_sum = log_sum_exp(np.ascontiguousarray(log_softmax(logits).T))
    return log_sum - np.float64(np.log(len(logits)))
