"""Residual: distance to the principal subspace of the train features (Wang et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.checks import defined, train_features_of
from mood_sweeps.scorers.scorer import Scores, State
from mood_sweeps.scorers.statistics import logit_origin, principal_axes, projected_norm

__all__ = ["Residual", "principal_dimension", "residual_space"]


@dataclass(frozen=True)
class Residual:
    """s = −‖Rᵀ(x − u)‖₂, u = −W⁺b, R the axes beyond the ``dim`` principal ones about u.

    dim None is MOODv2's rule: 1000 from D = 2048 on, 512 from D = 768 on, else D // 2.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    dim: Annotated[int, Field(gt=0)] | None = None

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return origin (D,) and residual axes (D, D − dim), float64; Undefined if dim ≥ D."""
        return residual_space(train, head, self.dim, wide=1000)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-projected_norm(bank, state["origin"], state["axes"]))


def residual_space(train: FeatureBank, head: Head | None, dim: int | None, wide: int) -> State:
    """Return the origin (D,) and the axes (D, D − dim) of the residual space, float64.

    ``wide`` is the principal dimension from D = 2048 on, see ``principal_dimension``.
    """
    width = train_features_of(train).shape[1]
    kept = principal_dimension(width, dim, wide)
    origin = logit_origin(head, width)
    return {"origin": origin, "axes": principal_axes(train, origin)[:, kept:].copy()}


def principal_dimension(width: int, dim: int | None, wide: int) -> int:
    """Return ``dim``, or for None what MOODv2's rule says for features of ``width`` dimensions.

    Raises Undefined where no residual dimension is left.
    """
    if dim is None:
        dim = wide if width >= 2048 else 512 if width >= 768 else width // 2
    if dim >= width:
        raise Undefined(
            f"a principal subspace of {dim} dimensions leaves no residual in features of {width}"
        )
    return dim
