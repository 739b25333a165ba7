"""OpenMax: probability of an unknown class from recalibrated logits (Bendale & Boult, 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head, Ints
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    logits_of,
    train_classes_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows, cached_rows, row_products
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.numeric.weibull import Weibull, fit_tail
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_notes

__all__ = ["OpenMax", "OpenMaxOpenOOD", "OpenMaxPytorchOOD"]

# A class needs at least this many times ``tail`` samples without a note.
_TAILS = 2


@dataclass(frozen=True)
class OpenMax(Scorer):
    """s = −P(unknown) = −softmax(v̂_0, v̂_1, …, v̂_C)_0, v̂ the recalibrated logits.

    Each of the α largest logits, v_c at rank i, gives the share ω = (α + 1 − i)/α · w_c to the
    unknown class: v̂_c = v_c (1 − ω), v̂_0 = Σ v_c ω. w_c is the probability that a sample of class
    c is nearer to μ_c than this one, in Euclidean distance of logits: μ_c is the mean of the
    class's correctly classified train samples, and a Weibull distribution is fitted to the ``tail``
    largest of their distances. A class without such samples has w_c = 1.

    Tail 20, α 10 and the use of correctly classified samples are the paper's; ω is that of the
    authors' code (the paper prints another). Their distance is Euclid/200 plus a cosine, with a
    factor for AlexNet's logits: OpenOOD and pytorch-ood use Euclid.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "logit"
    needs: ClassVar[tuple[str, ...]] = ("labels", "logits")

    highest: ClassVar[float] = np.inf
    """The upper limit of recalibrated logits before the softmax."""

    tail: Annotated[int, Field(gt=1)] = 20
    alpha: Annotated[int, Field(gt=0)] = 10

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centres (C, C) and origin, shape, log_scale (C,), all float64, and counts (C,),
        int64: the number of samples of each class.
        """
        del head
        logits = train_logits_of(train)
        classes = logits.shape[1]
        group = self._groups(logits, train_classes_of(train, classes))
        if not (group >= 0).any():
            raise Undefined("no train sample is classified correctly")
        centres = np.zeros((classes, classes))
        tails = []
        for c in range(classes):
            members = logits[group == c]
            if len(members):
                centres[c] = members.mean(axis=0, dtype=np.float64)
            tails.append(fit_tail(_distances(members, centres[c]), self.tail))
        parameters = map(np.array, zip(*tails, strict=True))
        counts = np.bincount(group[group >= 0], minlength=classes)
        fitted = dict(zip(Weibull._fields, parameters, strict=True))
        return {"centres": centres, **fitted, "counts": counts}

    def _groups(self, logits: Floats, labels: Ints) -> Ints:
        """Return the class of the tail that each sample contributes to, −1 for none."""
        return np.where(logits.argmax(axis=1) == labels, labels, -1)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        logits = logits_of(bank, classes=len(state["centres"]))

        def block(rows: slice) -> Scores:
            return self._score_block(state, logits[rows].astype(np.float64))

        return defined(by_rows(len(logits), block, cached_rows(logits.shape[1])))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note tails of more than half of a class, classes without samples, and an α that is too
        large.
        """
        del bank
        classes, notes = len(state["centres"]), []
        if self.alpha > classes:
            notes.append(f"alpha={self.alpha} is more than the {classes} classes: all count")
        if "counts" in state:  # else a state from before notes existed
            counts = state["counts"]
            short = counts[(counts > 0) & (counts < _TAILS * self.tail)]
            if len(short):
                notes.append(
                    f"tail={self.tail} is no tail of {len(short)} of {classes} classes "
                    f"(median {int(np.median(short))} images to fit it to)"
                )
            bare = int(np.count_nonzero(counts == 0))
            notes += class_notes(bare, classes, "have no image to fit a tail to")
        return tuple(notes)

    def _score_block(self, state: State, logits: npt.NDArray[np.float64]) -> Scores:
        weibull = Weibull(*(state[name] for name in Weibull._fields))
        count = min(self.alpha, logits.shape[1])
        rows = np.arange(len(logits))
        recalibrated, unknown = logits.copy(), np.zeros(len(logits))
        for rank, top in enumerate(_largest(logits, count)):
            distances = _distances(logits, state["centres"][top])
            of_class = Weibull(*(parameter[top] for parameter in weibull))
            moved = logits[rows, top] * of_class.probability(distances) * (count - rank) / count
            recalibrated[rows, top] -= moved
            unknown += moved
        joint = np.minimum(np.column_stack([unknown, recalibrated]), self.highest)
        return -np.exp(joint[:, 0] - log_sum_exp(joint))


@dataclass(frozen=True)
class OpenMaxOpenOOD(OpenMax):
    """As `openmax`, with α = 3: OpenOOD."""

    alpha: Annotated[int, Field(gt=0)] = 3


@dataclass(frozen=True)
class OpenMaxPytorchOOD(OpenMax):
    """As `openmax`, with tail 25 and all samples of a class, right or wrong: pytorch-ood 0.4.0.

    Recalibrated logits above 709 count as 709.
    """

    highest: ClassVar[float] = 709.0

    tail: Annotated[int, Field(gt=1)] = 25

    def _groups(self, logits: Floats, labels: Ints) -> Ints:
        del logits
        return labels


def _largest(logits: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.intp]:
    """Return the classes of the ``count`` largest logits, largest first, (count, n)."""
    top = np.argpartition(logits, logits.shape[1] - count, axis=1)[:, -count:]
    order = np.argsort(np.take_along_axis(logits, top, axis=1), axis=1)[:, ::-1]
    return np.take_along_axis(top, order, axis=1).T


def _distances(logits: Floats, centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ‖z − μ‖₂ of every row, float64 (n,); centres is (C,) or (n, C)."""

    def block(rows: slice) -> npt.NDArray[np.float64]:
        difference = logits[rows] - (centres if centres.ndim == 1 else centres[rows])
        return np.sqrt(row_products(difference, difference))

    return by_rows(len(logits), block, cached_rows(logits.shape[1]))
