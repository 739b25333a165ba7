"""AdaSCALE: energy after a scaling that shrinks with the shift under noise (Regmi, 2025)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head, Network
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.hybrid.top_activations import exponential_scale, sum_ratio
from mood_sweeps.scorers.numeric.checked_arrays import (
    features_of,
    head_of,
    inputs_and_network_of,
    logits_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.image_blocks import by_images, required_logits
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import negative_feature_notes

__all__ = ["AdaScaleA", "AdaScaleL"]

Float64s = npt.NDArray[np.float64]

Percent = Annotated[float, Field(gt=0, lt=100)]


@dataclass(frozen=True)
class AdaScaleA(Scorer):
    """s = log Σ_c exp(eʳ · (z − b) + b)_c, r = Σ relu(x) / Σ of the k largest, k of the sample.

    Regmi (2025), with the defaults of OpenOOD v1.5, the only tool that has it. The input moves by
    ``step`` (in units of normalised inputs) along the sign of ∂z_ŷ, but only at the ``pixels`` %
    inputs with the smallest gradient: x becomes x̃. Then
    - Q = Σ relu(x̃) over the ``top`` % largest x + ``weight`` · Σ |x − x̃| over the ``top_shift`` %
      largest x: activations of OOD images shift more.
    - p = lowest + (1 − F(Q)) · (highest − lowest), F the share of ID images with a Q of at most
    this
      size; k = D − round(D · p / 100) activations are left.
    A percentage of less than one pixel or activation counts as one. F is measured on an ID
    validation split, as in OpenOOD; on one larger than ``samples`` on every second, third … image.
    Cost: two passes through the network forwards and one backwards.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("head", "network")
    fits_on: ClassVar[str] = "id_val"

    lowest: Percent = 75.0
    highest: Percent = 85.0
    top: Percent = 5.0
    top_shift: Percent = 1.0
    weight: Annotated[float, Field(ge=0)] = 10.0
    pixels: Percent = 5.0
    step: Annotated[float, Field(ge=0)] = 0.5
    samples: Annotated[int, Field(gt=0)] = 5000

    def __post_init__(self) -> None:
        if self.lowest > self.highest:
            raise InputError(f"lowest {self.lowest:g} must not be above highest {self.highest:g}")

    def fit(self, bank: FeatureBank, head: Head | None) -> State:
        """Return bias (C,) and shifts (M,), Q of ID images in ascending order, float64."""
        features = train_features_of(bank)
        head = head_of(head, features.shape[1])
        _, network = inputs_and_network_of(bank)

        def block(rows: slice, images: Floats) -> Float64s:
            return self._shifts(features[rows], images, network)

        shifts = by_images(bank, block, stride=math.ceil(len(bank) / self.samples))
        return {"bias": head.bias.astype(np.float64), "shifts": np.sort(shifts)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        bias, shifts = state["bias"], state["shifts"]
        features, logits = features_of(bank), logits_of(bank, classes=len(bias))
        _, network = inputs_and_network_of(bank)

        def block(rows: slice, images: Floats) -> Scores:
            quantity = self._shifts(features[rows], images, network)
            rank = np.searchsorted(shifts, quantity, side="right")
            left = 1 - rank / len(shifts)
            percentile = self.lowest + left * (self.highest - self.lowest)
            total, top = _sums(features[rows], percentile)
            return log_sum_exp(self._scaled(logits[rows], bias, total, top))

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and percentages that are less than one activation."""
        del state
        width = bank.features.shape[1]
        shares = {
            "top": self.top,
            "top_shift": self.top_shift,
            "highest": 100 - self.highest,
        }
        small = [
            f"{name}={getattr(self, name):g} leaves less than one of {width} activations: it is one"
            for name, share in shares.items()
            if width * share < 100
        ]
        return (*negative_feature_notes(bank), *small)

    def _shifts(self, features: Floats, images: Floats, network: Network) -> Float64s:
        """Return Q of features (n, D) and the images behind them, float64 (n,)."""
        gradient = network.input_gradient(images, _by_largest_logit)
        moved, _ = network.forward(images + self._noise(gradient))
        active = _sum_at_largest(features, np.maximum(moved, 0), self.top)
        shift = _sum_at_largest(features, np.abs(features - moved), self.top_shift)
        return active + self.weight * shift

    def _noise(self, gradient: Floats) -> Floats:
        slopes = gradient.reshape(len(gradient), -1)
        count = _at_least_one(slopes.shape[1], self.pixels)
        flattest = np.argpartition(np.abs(slopes), count - 1, axis=1)[:, :count]
        noise = np.zeros_like(slopes)
        signs = np.sign(np.take_along_axis(slopes, flattest, axis=1))
        np.put_along_axis(noise, flattest, self.step * signs, axis=1)
        return noise.reshape(gradient.shape)

    def _scaled(self, logits: Floats, bias: Float64s, total: Float64s, top: Float64s) -> Float64s:
        scaled: Float64s = exponential_scale(total, top) * (logits - bias) + bias
        return scaled


@dataclass(frozen=True)
class AdaScaleL(AdaScaleA):
    """As adascale_a, but the logits are scaled: s = log Σ_c exp(r² · z)_c."""

    version: ClassVar[int] = 1

    def _scaled(self, logits: Floats, bias: Float64s, total: Float64s, top: Float64s) -> Float64s:
        del bias
        scaled: Float64s = sum_ratio(total, top, default=1.0) ** 2 * logits
        return scaled


def _by_largest_logit(_: Floats, logits: Floats | None) -> tuple[None, Floats]:
    """Return ∂z_ŷ/∂z, (n, C): one at the predicted class."""
    logits = required_logits(logits)
    return None, np.eye(logits.shape[1])[logits.argmax(axis=1)]


def _at_least_one(width: int, percent: float) -> int:
    return max(1, int(width * percent / 100))


def _sum_at_largest(features: Floats, values: Floats, percent: float) -> Float64s:
    """Return the sum of values (n, D) at the largest ``percent`` % of features, float64 (n,)."""
    count = _at_least_one(features.shape[1], percent)
    largest = np.argpartition(features, -count, axis=1)[:, -count:]
    total: Float64s = np.take_along_axis(values, largest, axis=1).sum(axis=1, dtype=np.float64)
    return total


def _sums(features: Floats, percentile: Float64s) -> tuple[Float64s, Float64s]:
    """Return Σ relu(x) of every row, and the part of it above the row's ``percentile``, float64
    (n,).
    """
    width = features.shape[1]
    kept = np.maximum(1, width - np.round(width * percentile / 100).astype(np.int64))
    positive = np.maximum(features, 0).astype(np.float64)
    running = np.cumsum(np.sort(positive, axis=1)[:, ::-1], axis=1)
    return running[:, -1], np.take_along_axis(running, kept[:, None] - 1, axis=1)[:, 0]
