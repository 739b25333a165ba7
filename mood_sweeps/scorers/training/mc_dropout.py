"""Monte-Carlo dropout: many passes of the head with random features left out (Gal, 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.hybrid.shaped_energy import head_state
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of
from mood_sweeps.scorers.numeric.rank_correlation import rank_correlation
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import evenly_spread_rows, other_seed_notes

__all__ = ["MCDropout", "MCDropoutOpenOOD", "MCDropoutPytorchOOD"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MCDropout(Scorer):
    """s = max_c mean_t softmax(W (x ∘ m_t) / (1 − p) + b)_c, m_t a mask that leaves out a share p.

    Gal and Ghahramani (2016), with dropout before the head, the only place that a bank of features
    allows. The ``passes`` masks are drawn once, by ``seed``, and are the same for every sample: s
    is a function of the sample alone. It suits networks that were trained with such dropout. p =
    0.5 is the authors' value; 30 passes are pytorch-ood's. Cost: ``passes`` · C · D a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "training"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    p: Annotated[float, Field(ge=0, lt=1)] = 0.5
    passes: Annotated[int, Field(gt=1)] = 30
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return masks (passes, D), bool, weight (C, D) and bias (C,) of the head, and agreement
        (), float64: the rank correlation of the scores of up to 256 train samples with their scores
        by other masks.
        """
        state = head_state(train, head)
        masks = self._masks(self.seed, state["weight"].shape[1])
        features = train.features[evenly_spread_rows(len(train))]
        both = [
            self._scores({**state, "masks": drawn}, features)
            for drawn in (masks, self._masks([self.seed, 1], masks.shape[1]))
        ]
        return {**state, "masks": masks, "agreement": np.asarray(rank_correlation(*both))}

    def _masks(self, seed: int | list[int], width: int) -> npt.NDArray[np.bool_]:
        return np.random.default_rng(seed).random((self.passes, width)) >= self.p

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(self._scores(state, features_of(bank, width=state["weight"].shape[1])))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note an order of images that depends on the seed."""
        del bank
        return other_seed_notes(state, f"{self.passes} random passes")

    def _scores(self, state: State, features: Floats) -> Scores:
        # ``defined`` refuses scores that overflowed, with a clear message.
        with np.errstate(over="ignore", invalid="ignore"):
            return by_rows(
                len(features), lambda rows: self._combine(self._logits(state, features[rows]))
            )

    def _logits(self, state: State, features: Floats) -> Iterator[Float64s]:
        """Yield the logits (n, C) of every pass, float64; products have the features' precision."""
        dtype = np.result_type(features, state["weight"], np.float32)
        features, weight = features.astype(dtype), state["weight"].astype(dtype)
        bias = state["bias"].astype(np.float64)
        on = device()
        features_on_device = on.send(features)
        for mask in state["masks"]:
            product = on.fetch(features_on_device @ on.send((weight * mask).T))
            yield product.astype(np.float64) / (1 - self.p) + bias

    def _combine(self, logits: Iterator[Float64s]) -> Scores:
        total = sum(np.exp(log_softmax(of_pass)) for of_pass in logits)
        largest: Scores = np.max(total, axis=1) / self.passes
        return largest


@dataclass(frozen=True)
class MCDropoutOpenOOD(MCDropout):
    """As mc_dropout, but with mean logits: s = max_c softmax(mean_t z_t)_c, 5 passes.

    OpenOOD v1.5, `dropout`, which draws new masks for every batch.
    """

    version: ClassVar[int] = 1

    passes: Annotated[int, Field(gt=1)] = 5

    def _combine(self, logits: Iterator[Float64s]) -> Scores:
        mean: Float64s = np.sum(list(logits), axis=0) / self.passes
        largest: Scores = np.exp(log_softmax(mean)).max(axis=1)
        return largest


@dataclass(frozen=True)
class MCDropoutPytorchOOD(MCDropout):
    """s = −mean_c var_t softmax(W (x ∘ m_t) / (1 − p) + b)_c, the variance over passes (T − 1).

    `MCD` of pytorch-ood 0.4.0 in its mode ``var``, which draws new masks for every batch. An OOD
    image with features that the head ignores has no variance: it looks the most in-distribution.
    """

    version: ClassVar[int] = 1

    def _combine(self, logits: Iterator[Float64s]) -> Scores:
        # Relative to the first pass, so that constants have a variance of exactly zero.
        first = np.exp(log_softmax(next(logits)))
        total, squares = np.zeros_like(first), np.zeros_like(first)
        for of_pass in logits:
            difference = np.exp(log_softmax(of_pass)) - first
            total += difference
            squares += difference**2
        variance = (squares - total**2 / self.passes) / (self.passes - 1)
        mean: Scores = np.maximum(variance, 0).mean(axis=1)
        return -mean
