"""GEN: generalised entropy of the largest probabilities (Liu et al., 2023, eq. 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of
from mood_sweeps.scorers.numeric.rows import by_rows, cached_rows
from mood_sweeps.scorers.numeric.softmax import relative_probabilities
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["GEN", "GENOpenOOD", "GENPytorchOOD"]


@dataclass(frozen=True)
class GEN(LearnsNothing):
    """s = −Σ p_c^γ (1 − p_c)^γ over the M largest p_c, all of them where C < M.

    γ = 0.1 and M = 100 are the paper's. The small power amplifies probabilities close to 1: there
    1 − p rounds to zero in float32, while γ = 0.1 turns 6·10⁻⁸ into 0.19. So 1 − p of the most
    likely class is computed as the sum of the others, and certain predictions keep their order.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    gamma: Annotated[float, Field(gt=0)] = 0.1
    M: Annotated[int, Field(gt=0)] = 100

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        logits = logits_of(bank)
        block = cached_rows(logits.shape[1])
        return defined(by_rows(len(bank), lambda rows: -self._entropy(logits[rows]), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note an M above the number of classes."""
        del state
        return _too_large(self.M, bank)

    def _entropy(self, logits: npt.NDArray[Any]) -> Scores:
        # With w = p / max p, p (1 − p) = w (Σ w − w) / (Σ w)². The most likely class has w = 1 and
        # Σ w − w equal to the sum of the others.
        others = relative_probabilities(logits)
        others[np.arange(len(logits)), logits.argmax(axis=1)] = 0
        rest = others.sum(axis=1)
        total = 1 + rest
        if logits.shape[1] > self.M:
            others = _largest(others, self.M - 1)
        others *= total[:, None] - others
        np.power(others, self.gamma, out=others)
        entropy: Scores = (others.sum(axis=1) + rest**self.gamma) * total ** (-2 * self.gamma)
        return entropy


@dataclass(frozen=True)
class GENOpenOOD(GEN):
    """As `gen`, with p and 1 − p in float32, the precision of OpenOOD.

    A most likely class with p > 1 − 3·10⁻⁸ adds nothing, with p just below it adds 0.19.
    """

    def _entropy(self, logits: npt.NDArray[Any]) -> Scores:
        weights = relative_probabilities(logits)
        weights /= weights.sum(axis=1, keepdims=True)
        return _power_sum(_largest(weights.astype(np.float32), self.M), self.gamma)


@dataclass(frozen=True)
class GENPytorchOOD(LearnsNothing):
    """s = −1/M Σ q_c^γ (1 − q_c)^γ over the M largest q_c, all C where M is not given.

    As in pytorch-ood 0.4.0: the mean instead of the sum, over all classes by default, and q = p
    clipped to [10⁻⁷, 1 − 10⁻⁷].
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    gamma: Annotated[float, Field(gt=0)] = 0.1
    M: Annotated[int, Field(gt=0)] | None = None

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        logits = logits_of(bank)
        kept = logits.shape[1] if self.M is None else min(self.M, logits.shape[1])

        def block(rows: slice) -> Scores:
            weights = relative_probabilities(logits[rows])
            q = _largest(weights, kept) / weights.sum(axis=1, keepdims=True)
            np.clip(q, 1e-7, 1 - 1e-7, out=q)
            q *= 1 - q
            # Clipped away from zero, so float32 is exact enough, and its powers are faster.
            powers = np.power(q.astype(np.float32), self.gamma)
            mean: Scores = powers.sum(axis=1, dtype=np.float64) / kept
            return -mean

        return defined(by_rows(len(bank), block, cached_rows(logits.shape[1])))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note an M above the number of classes."""
        del state
        return _too_large(self.M, bank)


def _too_large(m: int | None, bank: FeatureBank) -> tuple[str, ...]:
    classes = logits_of(bank).shape[1]
    if m is None or m <= classes:
        return ()
    return (f"M={m} is more than the {classes} classes: all count",)


def _largest(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """Return the ``count`` largest values of every row, or all; may reorder ``values``."""
    width = values.shape[1]
    if count >= width:
        return values
    values.partition(min(width - count, width - 1), axis=1)
    return values[:, width - count :]


def _power_sum(p: npt.NDArray[Any], gamma: float) -> Scores:
    """Return Σ p^γ (1 − p)^γ of every row, in the precision of p; overwrites p."""
    p *= 1 - p
    np.power(p, gamma, out=p)
    total: Scores = p.sum(axis=1, dtype=np.float64)
    return total
