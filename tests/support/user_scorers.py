"""Scorers of a user's own, in a module that their process imports in a moment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import mood_sweeps as ms


@dataclass(frozen=True)
class Where:
    """The first feature less the number of train rows, which tells what it learned from.

    trouble: what goes wrong. hole_at: the number of rows of the set that gets a NaN score.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()
    fits_on: ClassVar[str] = "id_val"
    trouble: str = ""
    hole_at: int = 0

    def fit(self, bank: ms.FeatureBank, head: object) -> dict[str, object]:
        del head
        if self.trouble == "fit":
            raise ArithmeticError("a stone\nin the way")
        return {"n": len(bank)}

    def score(self, state: dict[str, np.ndarray], bank: ms.FeatureBank) -> np.ndarray:
        scores = bank.features[:, 0] - float(state["n"])
        if self.trouble == "exit":
            sys.exit(3)
        if self.trouble == "hole" and len(bank) == self.hole_at:
            scores[3] = np.nan
        if self.trouble == "strides":
            return np.repeat(scores.astype(np.float64), 2)[::2]
        if self.trouble == "shape":
            return scores[:-1]
        return scores


@dataclass(frozen=True)
class Says:
    """The first feature, and a note that no file can hold as it is."""

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()
    fits_on: ClassVar[str] = "id_train"
    text: str = "a"

    def fit(self, bank: ms.FeatureBank, head: object) -> dict[str, object]:
        del bank, head
        return {"n": 1}

    def score(self, state: dict[str, np.ndarray], bank: ms.FeatureBank) -> np.ndarray:
        del state
        return bank.features[:, 0].astype(np.float64)

    def notes(self, state: dict[str, np.ndarray], bank: ms.FeatureBank) -> tuple[str, ...]:
        del state, bank
        return ("half \ud800; and \0",)
