"""The linear probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Count, Positive
from mood_sweeps.methods.finetunes.stage import FinetuneStage

__all__ = ["Probe"]


@dataclass(frozen=True)
class Probe(FinetuneStage):
    """Leave the weights as they are; fit a linear head on the features of the ID classes.

    Multinomial logistic regression with an L2 penalty on standardised features, by L-BFGS from
    zero: no random numbers, so no seed. (Radford et al. 2021, App. A.3, do this on raw features and
    choose the penalty on validation images; a grid over ``c`` shows its effect.)

    c: inverse strength of the penalty: the loss is ‖W‖² / 2 + c · (sum of cross-entropies).
    iterations: steps of L-BFGS at most.
    """

    trainer: ClassVar[str] = "mood_sweeps.methods.finetunes.probe.fit:fit_probe"
    uses_seed: ClassVar[bool] = False

    c: Positive = 1.0
    iterations: Count = 1000
