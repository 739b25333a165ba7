"""Maximum softmax probability (Hendrycks & Gimpel, 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.logit.max_logit import MaxLogit
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of
from mood_sweeps.scorers.numeric.softmax import largest_and_odds_of, largest_probability
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["MSP", "MSPMOODv1"]


@dataclass(frozen=True)
class MSP(LearnsNothing):
    """s = max_c p_c with p = softmax(z / T), in (0, 1].

    T = 1 is the score of the paper, MOODv2, OpenOOD and pytorch-ood; `temperature_msp` learns T.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    temperature: Annotated[float, Field(gt=0)] = 1.0

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        if self.temperature == 1.0:
            return defined(1 / (1 + largest_and_odds_of(bank)[1]))
        return defined(largest_probability(logits_of(bank), self.temperature))


@dataclass(frozen=True)
class MSPMOODv1(MaxLogit):
    """As `max_logit`, s = max_c z_c: MOODv1's code computes this under the name "softmax".

    Its network returns logits and the code applies no softmax, so its published numbers may be
    those of the maximum logit.
    """

    family: ClassVar[str] = "probability"
