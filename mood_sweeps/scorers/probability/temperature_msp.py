"""Maximum softmax probability after temperature scaling (Guo et al., 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from mood_sweeps.bank import FeatureBank, Floats, Head, Ints
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    logits_of,
    train_classes_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.rows import cached_rows, row_blocks, row_products
from mood_sweeps.scorers.numeric.softmax import below_largest, largest_probability
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["TemperatureMSP", "TemperatureMSPOpenOOD", "TemperatureMSPPytorchOOD"]

# T* is searched between 1/32 and 32 times the mean lead of the largest logit over the mean of the
# others: with smaller T a typical prediction is 1 in float64, with larger T it is 1/C.
_RANGE = 32.0


@dataclass(frozen=True)
class TemperatureMSP(Scorer):
    """s = max_c softmax(z / T*)_c, T* the minimiser of the mean of −log softmax(z / T)_y.

    The mean is over ID validation samples with labels y. T* is the root of a monotone function and
    exact to the last bits; the descent in other tools ends elsewhere (see the variants). Where
    every validation sample is classified correctly no T is small enough, and where they are
    classified worse than by chance none is large enough: T* is limited to 1/32 and 32 times the
    mean lead of the largest logit over the mean of the others.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("labels", "logits")
    fits_on: ClassVar[str] = "id_val"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return temperature (), float64, classes (), int64, and right (), float64: the share of
        the samples that are classified correctly.
        """
        del head
        logits = train_logits_of(train)
        labels = train_classes_of(train, logits.shape[1])
        temperature = self._temperature(logits, labels)
        return {
            "temperature": np.array(temperature),
            "classes": np.array(logits.shape[1]),
            "right": np.array((logits.argmax(axis=1) == labels).mean()),
        }

    def _temperature(self, logits: Floats, labels: Ints) -> float:
        from scipy.optimize import brentq

        lead = _mean_lead(logits)
        if lead == 0:  # all predictions are 1/C at any temperature
            return 1.0

        def slope(log_temperature: float) -> float:
            return _likelihood(logits, labels, math.exp(log_temperature)).slope

        low, high = math.log(lead / _RANGE), math.log(lead * _RANGE)
        if slope(low) >= 0:
            return math.exp(low)
        if slope(high) <= 0:
            return math.exp(high)
        return math.exp(brentq(slope, low, high, xtol=1e-14))

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        logits = logits_of(bank, classes=int(state["classes"]))
        return defined(largest_probability(logits, float(state["temperature"])))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a validation set for which no temperature is the best."""
        del bank
        if state.get("right") != 1:
            return ()
        return ("all images that T is fitted to are classified right: no T is small enough",)


@dataclass(frozen=True)
class TemperatureMSPPytorchOOD(TemperatureMSP):
    """As `temperature_msp`, with the T that 50 steps of L-BFGS at rate 0.01 reach from T = 1.

    pytorch-ood 0.4.0. At this rate the steps go about 40 % of the way to T* on a parabola, and past
    T* on a loss that is flatter at the start. Undefined where they reach a negative T, with which
    the tool would reverse the order of the scores.
    """

    start: ClassVar[float] = 1.0

    def _temperature(self, logits: Floats, labels: Ints) -> float:
        return _slow_descent(lambda t: _likelihood(logits, labels, t), self.start)


@dataclass(frozen=True)
class TemperatureMSPOpenOOD(TemperatureMSPPytorchOOD):
    """As `temperature_msp@pytorch_ood`, from T = 1.5: OpenOOD (which computes in float32)."""

    start: ClassVar[float] = 1.5


class _Likelihood(NamedTuple):
    """Mean of −log softmax(z / T)_y, and its derivative in T."""

    loss: float
    slope: float


def _likelihood(logits: Floats, labels: Ints, temperature: float) -> _Likelihood:
    loss = slope = 0.0
    for rows in row_blocks(len(logits), cached_rows(logits.shape[1])):
        below = below_largest(logits[rows])
        of_label = below[np.arange(len(below)), labels[rows]]
        weights = np.exp(below / temperature)
        sums = weights.sum(axis=1)
        loss += float((np.log(sums) - of_label / temperature).sum())
        slope += float((of_label - row_products(weights, below) / sums).sum())
    return _Likelihood(loss / len(logits), slope / len(logits) / temperature**2)


def _mean_lead(logits: Floats) -> float:
    """Return the mean of max_c z_c − (mean of the other z_c), ≥ 0; 0 for a single class."""
    lead = 0.0
    for rows in row_blocks(len(logits), cached_rows(logits.shape[1])):
        lead -= float(below_largest(logits[rows]).sum())
    return float(lead / len(logits) / max(1, logits.shape[1] - 1))


def _slow_descent(objective: Callable[[float], _Likelihood], start: float) -> float:
    """Return the result of torch's L-BFGS (rate 0.01, 50 steps, no line search) in one dimension.

    In one dimension it is the secant method with 1/100 of each step. The rules for an early stop
    and for the steps that update the curvature are those of torch.optim.LBFGS.
    """
    rate, steps, least_change = 0.01, 50, 1e-9
    t, now, inverse_curvature = start, objective(start), 1.0
    for count in range(steps):
        direction = -inverse_curvature * now.slope
        if abs(now.slope) <= 1e-7 or -direction * now.slope < least_change:
            break
        step = direction * (rate if count else rate * min(1.0, 1 / abs(now.slope)))
        t += step
        if not t > 0:
            raise Undefined("the descent, as the tool does it, reaches a negative temperature")
        before, now = now, objective(t)
        if abs(step) <= least_change or abs(now.loss - before.loss) < least_change:
            break
        change = now.slope - before.slope
        if change * step > 1e-10:
            inverse_curvature = step / change
    return t
