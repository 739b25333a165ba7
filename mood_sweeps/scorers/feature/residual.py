"""Residual: distance to the principal subspace of the train features (Wang et al., 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.bank_statistics import (
    logit_origin,
    pooled_statistics,
    principal_axes,
)
from mood_sweeps.scorers.numeric.checked_arrays import defined, train_features_of
from mood_sweeps.scorers.numeric.rounding import (
    count_above_rounding,
    measured_rounding,
    rounding_along,
    rounding_variance,
)
from mood_sweeps.scorers.numeric.subspace_projection import projected_norm, subspace
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import few_images_for_axes, stored_count

__all__ = [
    "Residual",
    "ResidualOpenOOD",
    "principal_dimension",
    "residual_space",
]

# Above this share of the variance, float32 is exact to 1e-6 for the residual's length.
_SHARE = 1e-3


@dataclass(frozen=True)
class Residual(Scorer):
    """s = −‖Rᵀ(x − u)‖₂, u = −W⁺b, R the axes beyond the ``dim`` principal ones about u.

    dim None is the rule of ViM's own code and of MOODv2, which fits any width: 1000 from D = 2048
    on, 512 from D = 768 on, else D // 2. Axes along which the train features do not vary, rounding
    aside, are never principal, because their order is random. Where only such axes are left, a
    residual within rounding is 0.
    Cost: N·D² to fit, shared with ViM and Mahalanobis; D·(D − dim) a sample.
    """

    version: ClassVar[int] = 3
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    dim: Annotated[int, Field(gt=0)] | None = None

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the residual space, see ``residual_space``; Undefined if dim ≥ D."""
        width = train_features_of(train).shape[1]
        return residual_space(train, head, self._kept(width))

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        lengths = projected_norm(bank, state)
        return defined(np.where(lengths > state["rounding"], -lengths, 0.0))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note fewer varying axes than principal ones, and too few features."""
        del bank
        width, kept = len(state["centre"]), self._kept(len(state["centre"]))
        few = few_images_for_axes(stored_count(state, "count"), width)
        rank = int(state["rank"])
        if rank >= kept:
            return few
        return (
            f"the train features vary along {rank} of {width} axes: these are the principal "
            f"subspace, not {kept}",
            *few,
        )

    def _kept(self, width: int) -> int:
        return self.dim or principal_dimension(width, wide=1000)


@dataclass(frozen=True)
class ResidualOpenOOD(Residual):
    """As residual, with 512 principal dimensions and fitted on ID validation, as OpenOOD 1.5.

    Undefined for D ≤ 512, where OpenOOD gives every sample the score 0.
    """

    fits_on: ClassVar[str] = "id_val"

    dim: Annotated[int, Field(gt=0)] | None = 512


def residual_space(train: FeatureBank, head: Head | None, kept: int) -> State:
    """Return the `subspace` about u = −W⁺b on all but the ``kept`` principal axes.

    Arrays: centre (D,), axes (D, D − kept), offset (D − kept,); rank (), the number of axes
    along which the train features vary by more than rounding; rounding (), the length up to which
    a residual may be rounding, 0 where train features have a residual; and count (), int64: the
    number of features. A rank below ``kept`` replaces it. Raises Undefined where no residual
    dimension is left.
    """
    width = train_features_of(train).shape[1]
    origin = logit_origin(train, head)
    if kept >= width:
        raise Undefined(
            f"a principal subspace of {kept} dimensions leaves no residual in features of {width}"
        )
    values, axes = principal_axes(train, origin)
    statistics = pooled_statistics(train)
    mean = statistics.mean
    least = rounding_variance(measured_rounding(train), statistics.mean, statistics.variance)
    rounding = rounding_along(axes, least)
    rank = count_above_rounding(values, rounding)
    length = 0.0 if kept < rank else math.sqrt(rounding[rank:].sum())
    kept = min(kept, rank)
    variance = values.sum() - ((mean - origin) ** 2).sum()
    single = bool(values[kept:].sum() > _SHARE * variance)
    space = subspace(mean, origin, axes, slice(kept, None), single)
    return {
        **space,
        "rank": np.asarray(rank),
        "rounding": np.asarray(length),
        "count": np.asarray(len(train)),
    }


def principal_dimension(width: int, wide: int) -> int:
    """Return ``wide`` from 2048 dimensions on, 512 from 768 on, else half of them."""
    return wide if width >= 2048 else 512 if width >= 768 else width // 2
