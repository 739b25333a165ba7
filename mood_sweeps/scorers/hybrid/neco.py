"""NECO: the share of a feature that lies in the principal subspace (Ammar et al., 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.bank_statistics import digest, pooled_statistics
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    logits_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rounding import (
    count_above_rounding,
    measured_rounding,
    rounding_along,
    rounding_variance,
)
from mood_sweeps.scorers.numeric.rows import by_rows, row_products
from mood_sweeps.scorers.numeric.subspace_projection import projected_norm, subspace
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import few_images_for_axes, stored_count

__all__ = ["NECO"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NECO(Scorer):
    """s = ‖Pᵀx̃‖₂ / ‖x̃‖₂ · max_c z_c, P the ``dim`` principal axes of the standardised features x̃.

    x̃ has mean 0 and variance 1 in every dimension on the train set; a dimension that does not
    vary, rounding aside, is only centred, and an axis along which x̃ does not vary is never
    principal. Ammar et al., "NECO: NEural Collapse Based Out-of-distribution detection" (2024),
    standardised and with 100 axes as in their code. dim None is 100 from D = 200 on, else D // 2.
    max_logit: whether to multiply by max_c z_c, as the authors do for transformers, not for
    ResNets. Cost: N·D² to fit, shared with ViM and Mahalanobis; D·dim a sample.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    dim: Annotated[int, Field(gt=0)] | None = None
    max_logit: bool = True

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return mean (D,), deviation (D,), the subspace: centre (D,), axes (D, dim), offset; and
        count (), int64: the number of features.

        Raises Undefined if dim ≥ D (the subspace is then everything), or where nothing varies.
        """
        del head
        train_logits_of(train)
        statistics = pooled_statistics(train)
        mean, width = statistics.mean, len(statistics.mean)
        kept = self._kept(width)
        if not 0 < kept < width:
            raise Undefined(f"{kept} of {width} dimensions are no subspace to compare a feature to")
        deviation, axes, rank = _standardised_axes(train)
        axes = axes / deviation[:, None]
        space = subspace(mean, mean, axes, slice(min(kept, rank)), single=True)
        count = np.asarray(len(train))
        return {"mean": mean, "deviation": deviation, **space, "count": count}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution; Undefined for a sample at μ."""
        inside = projected_norm(bank, state, shared="first")
        logits = logits_of(bank)
        with np.errstate(divide="ignore", invalid="ignore"):
            share: Scores = inside / _standardised_norm(bank, state["mean"], state["deviation"])
        return defined(share * logits.max(axis=1) if self.max_logit else share)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note fewer varying axes than principal ones, and too few features."""
        del bank
        width, rank = state["axes"].shape
        few = few_images_for_axes(stored_count(state, "count"), len(state["mean"]))
        kept = self._kept(width)
        if rank == kept:
            return few
        return (
            f"the train features vary along {rank} of {width} axes: these are the principal "
            f"subspace, not {kept}",
            *few,
        )

    def _kept(self, width: int) -> int:
        return self.dim or min(100, width // 2)


def _standardised_axes(train: FeatureBank) -> tuple[Float64s, Float64s, int]:
    """Return the deviation of every dimension (D,), the principal axes of x̃ as columns, and the
    number of them along which x̃ varies.
    """

    def compute() -> tuple[Float64s, Float64s, int]:
        statistics, count = pooled_statistics(train), len(train)
        covariance = statistics.about(statistics.mean) / count
        variance = np.diag(covariance)
        least = rounding_variance(measured_rounding(train), statistics.mean, statistics.variance)
        # Also the rounding of a sum over all rows, the limit of scikit-learn's StandardScaler.
        rounding = np.finfo(np.float64).eps * count
        varies = variance > rounding * variance + (rounding * statistics.mean) ** 2
        varies &= variance > least
        if not varies.any():
            raise Undefined("the train features do not vary by more than rounding")
        deviation = np.where(varies, np.sqrt(variance), 1)
        correlation = covariance / np.outer(deviation, deviation)
        values, axes = (array[..., ::-1] for array in np.linalg.eigh(correlation))
        # The variance of rounding along each axis, with every dimension divided by its deviation.
        rank = count_above_rounding(values, rounding_along(axes / deviation[:, None], least))
        return deviation, axes, rank

    return once_per_bank(train, "standardised axes", compute)


def _standardised_norm(bank: FeatureBank, mean: Float64s, deviation: Float64s) -> Float64s:
    """Return ‖x̃‖₂ of every row, float64 (N,)."""
    features = features_of(bank, width=len(mean))

    def block(rows: slice) -> Float64s:
        standardised: Float64s = np.subtract(features[rows], mean, dtype=np.float64)
        standardised /= deviation
        return np.sqrt(row_products(standardised, standardised))

    name = ("standardised norm", digest(mean), digest(deviation))
    return once_per_bank(bank, name, lambda: by_rows(len(features), block))
