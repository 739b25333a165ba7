"""Maximum concept matching, the zero-shot score of vision-language models (Ming et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.numeric.array_device import product_with
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    logits_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows, row_lengths, unit_rows
from mood_sweeps.scorers.numeric.softmax import largest_probability
from mood_sweeps.scorers.scorer import LearnsNothing, Scorer, Scores, State

__all__ = ["MCM", "MCMPytorchOOD"]


@dataclass(frozen=True)
class MCM(LearnsNothing):
    """s = max_c softmax(z / τ)_c, z the similarities of an image with the names of the classes.

    In the paper z are cosines, without CLIP's factor 100, and τ = 1. For any other head z are the
    logits, and the score is `msp` at the temperature τ, as OpenOOD computes it for every network.
    `mcm@pytorch_ood` computes the cosines from the head.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    tau: Annotated[float, Field(gt=0)] = 1.0

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        return defined(largest_probability(logits_of(bank), self.tau))


@dataclass(frozen=True)
class MCMPytorchOOD(Scorer):
    """s = max_c softmax(cos(x, w_c) / τ)_c, w_c the head's weights of class c.

    The paper's score if the head holds the text embeddings of the class names, as in pytorch-ood
    0.4.0; the lengths of x and w_c and the bias have no effect. A zero vector has cosine 0 with
    all.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    tau: Annotated[float, Field(gt=0)] = 1.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return concepts (C, D), the head's weights scaled to unit length, in its dtype."""
        head = head_of(head, train_features_of(train).shape[1])
        return {"concepts": unit_rows(head.weight).astype(head.weight.dtype)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        concepts = state["concepts"]
        features = features_of(bank, width=concepts.shape[1])
        product = product_with(concepts.T)

        def block(rows: slice) -> Scores:
            cosines = product(features[rows]) / row_lengths(features[rows])[:, None]
            return largest_probability(cosines, self.tau)

        return defined(by_rows(len(bank), block))
