"""KL-Matching: divergence from the typical posterior of a class (Hendrycks et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.checks import defined, logits_of
from mood_sweeps.scorers.rows import by_rows, row_products
from mood_sweeps.scorers.scorer import Scores, State
from mood_sweeps.scorers.softmax import log_softmax, log_sum_exp

__all__ = ["KLMatching"]


@dataclass(frozen=True)
class KLMatching:
    """s = −min_c KL(p ‖ d_c), d_c the mean softmax of the train samples predicted as class c.

    Grouping by predicted class on the train set is MOODv2's convention; a class that is never
    predicted has no d_c and is never the nearest. All in logarithms, so that no probability
    rounds to zero and no divergence is infinite.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return log_posteriors (K, C), float64: log d_c of the K ≤ C classes predicted."""
        del head
        logits = logits_of(train)
        if len(logits) == 0:
            raise Undefined("there are no train logits to learn from")
        predicted = logits.argmax(axis=1)
        return {
            "log_posteriors": np.stack(
                [_log_mean_softmax(logits[predicted == c]) for c in np.unique(predicted)]
            )
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        logits, log_d = logits_of(bank), state["log_posteriors"]

        def block(rows: slice) -> Scores:
            log_p = log_softmax(logits[rows])
            p = np.exp(log_p)
            cross_entropy: Scores = -(p @ log_d.T).max(axis=1)
            return -np.maximum(row_products(p, log_p) + cross_entropy, 0)

        return defined(by_rows(len(logits), block))


def _log_mean_softmax(logits: Floats) -> Scores:
    log_sum = log_sum_exp(log_softmax(logits), axis=0)
    return log_sum - np.float64(np.log(len(logits)))
