"""VRA: energy after rectifying the activations from both sides (Xu et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.hybrid.shaped_energy import Shape, Shaped, head_state, shaped_energy
from mood_sweeps.scorers.hybrid.shaped_maps import ShapesMaps, flat_maps
from mood_sweeps.scorers.numeric.activation_quantiles import (
    activation_quantile,
    dimension_quantiles,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import (
    few_numbers_for_quantiles,
    negative_feature_notes,
    stored_count,
)

__all__ = ["VRA", "VRAOpenOOD", "VRAPooledPytorchOOD", "VRAPytorchOOD"]

Quantile = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class VRA(Scorer):
    """s = log Σ_c exp(W v(x) + b)_c, v(x)_d = 0 below l_d, h_d above h_d, x_d in between.

    l_d and h_d are the quantiles ``lower`` and ``upper`` of dimension d over the ID train set.
    This is the paper's function (VRA-P) with the quantiles of its official code for the energy, 0.6
    and 0.9; the variants named after tools clip to l instead of setting to 0.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    counted: ClassVar[str] = "images"
    """The samples of the quantiles, for notes."""

    lower: Quantile = 0.6
    upper: Quantile = 0.9

    def __post_init__(self) -> None:
        _refuse_crossed(self.lower, self.upper)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return lower and upper (D,), weight (C, D) and bias (C,); and count (), int64: the
        number of samples of each quantile.
        """
        lower, upper = dimension_quantiles(train, (self.lower, self.upper))
        count = np.asarray(len(train))
        return {**head_state(train, head), "lower": lower, "upper": upper, "count": count}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        lower, upper = _thresholds(state, bank.features)

        def rectify(features: Floats) -> Shaped:
            return Shaped(np.where(features < lower, 0, np.minimum(features, upper)))

        return shaped_energy(state, bank, rectify)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and too few images (or activations) for the quantiles."""
        count, quantiles = stored_count(state, "count"), (self.lower, self.upper)
        return (
            *negative_feature_notes(bank),
            *few_numbers_for_quantiles(count, quantiles, self.counted),
        )


@dataclass(frozen=True)
class VRAOpenOOD(VRA):
    """s = log Σ_c exp(W clip(x, l, h) + b)_c, l and h quantiles of all ID validation activations.

    OpenOOD v1.5: one l (0.10) and one h (0.90) for all dimensions; activations below l become l
    instead of 0.
    """

    fits_on: ClassVar[str] = "id_val"
    counted: ClassVar[str] = "activations"

    lower: Quantile = 0.10
    upper: Quantile = 0.90

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return lower and upper (), weight (C, D), bias (C,) and count (), as in `vra`."""
        return {
            **head_state(train, head),
            "lower": np.asarray(activation_quantile(train, self.lower)),
            "upper": np.asarray(activation_quantile(train, self.upper)),
            "count": np.asarray(train.features.size),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return _clipped_energy(state, bank)


@dataclass(frozen=True)
class VRAPooledPytorchOOD(VRA):
    """s = log Σ_c exp(W clip(x, l, h) + b)_c, l_d and h_d quantiles of dimension d over ID train.

    pytorch-ood 0.4.0 on pooled features as 1 × 1 maps: 0.01 and 0.99; activations below l become l
    instead of 0.
    """

    lower: Quantile = 0.01
    upper: Quantile = 0.99

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return _clipped_energy(state, bank)


@dataclass(frozen=True)
class VRAPytorchOOD(ShapesMaps):
    """As vra_pooled@pytorch_ood, but on the activations of the last map before pooling.

    pytorch-ood 0.4.0: l and h are the quantiles ``lower`` and ``upper`` of every activation of the
    map, channel and position, over ID train. The maps of all train images are in memory together.
    The official code rectifies the pooled features, as vra does.
    """

    version: ClassVar[int] = 2
    pooled_form: ClassVar[str | None] = "vra_pooled@pytorch_ood"

    lower: Quantile = 0.01
    upper: Quantile = 0.99

    def __post_init__(self) -> None:
        _refuse_crossed(self.lower, self.upper)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return shape (4,) as of `ShapesMaps`; lower and upper (width · rows · columns,)."""
        state = super().fit(train, head)
        lower, upper = dimension_quantiles(flat_maps(train), (self.lower, self.upper))
        return {**state, "lower": lower, "upper": upper}

    def _shape(self, state: State) -> Shape:
        return _clip(state)


def _refuse_crossed(lower: float, upper: float) -> None:
    if lower > upper:
        raise InputError("scorer 'vra': lower must not exceed upper")


def _clipped_energy(state: State, bank: FeatureBank) -> Scores:
    return shaped_energy(state, bank, _clip(state))


def _clip(state: State) -> Shape:
    def clip(features: Floats) -> Shaped:
        lower, upper = _thresholds(state, features)
        return Shaped(np.clip(features, lower, upper))

    return clip


def _thresholds(state: State, features: Floats) -> tuple[Floats, Floats]:
    dtype = features.dtype
    return state["lower"].astype(dtype), state["upper"].astype(dtype)
