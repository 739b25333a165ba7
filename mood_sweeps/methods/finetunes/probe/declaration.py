"""The linear probe."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

from mood_sweeps.choice import Choice, Count, Positive

__all__ = ["Probe"]


@dataclass(frozen=True)
class Probe:
    """Leave the weights as they are; fit a linear head on the features of the ID classes.

    Multinomial logistic regression with an L2 penalty on standardised features, by L-BFGS from
    zero: nothing is drawn, so no seed. (Radford et al. 2021, App. A.3, probe so on raw features
    and choose the penalty on validation images; a grid over ``c`` shows what the choice does.)

    c: inverse strength of the penalty: the loss is ‖W‖² / 2 + c · (sum of cross-entropies).
    iterations: steps of L-BFGS at most.
    """

    version: ClassVar[int] = 1
    uses_seed: ClassVar[bool] = False
    makes_head: ClassVar[bool] = True
    trains_on_intermediate: ClassVar[bool] = False
    makes_detector: ClassVar[bool] = False

    c: Positive = 1.0
    iterations: Count = 1000

    def with_preset(self, given: Collection[str], *, is_nano: bool, family: str = "vit") -> Self:
        """Return itself: one setting for every backbone."""
        del given, is_nano, family
        return self

    def refuses(self, backbone: Choice) -> str | None:
        """Return None: features of any backbone will do."""
        del backbone
        return None
