"""Gram matrices: deviation of channel correlations from their range on train (Sastry, 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.numeric.checked_arrays import (
    features_of,
    inputs_and_network_of,
    logits_of,
    train_features_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.image_blocks import by_images, image_blocks, require_widths
from mood_sweeps.scorers.numeric.rows import row_blocks
from mood_sweeps.scorers.numeric.softmax import largest_probability, predicted_classes
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_notes

__all__ = ["Gram", "row_sums"]

# Activations that are processed at once, 1 MB: they and their powers fit into the cache.
_CACHED = 2**17

# Each row sum of a new image lies outside the range of n images with probability 2 / (n + 1).
_FEW = 20

Float64s = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gram(Scorer):
    """s = −Σ_l δ_l / E[δ_l] / max p, δ_l = Σ (relu(min − g) / |min| + relu(g − max) / |max|).

    Sastry and Oore (2020), section 3. The sum is over g_{l, o, i}: the i-th row sum of F^o F^oᵀ for
    orders o = 1 … ``powers``, F the map of block l (width, positions), raised element by element,
    and of that sum the o-th root, with its sign. min and max are taken over the train images with
    the same predicted class; over all images for a class that is never predicted. E[δ_l] is the
    mean over a held-out ``share`` of the train images, drawn by ``seed``, which do not contribute
    to the bounds (the authors took them from the test set); 1 where none of them deviates. max p is
    the probability of the predicted class. 10⁻⁶ is added to bounds in denominators.
    Only the output of every block is used; the authors use each layer inside it as well.
    Cost: one pass through the network and ``powers`` · width · positions; the state holds
    2 · C · ``powers`` · Σ_l width_l numbers.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("logits", "network")

    powers: Annotated[int, Field(gt=0)] = 10
    share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return for block l minima_l and maxima_l (C, powers, width_l); expected (L,): E[δ_l]; and
        counts (C,), int64: the number of images behind the bounds of each class.
        """
        del head
        train_features_of(train)
        predicted, classes = predicted_classes(train), train_logits_of(train).shape[1]
        order = np.random.default_rng(self.seed).permutation(len(train))
        held_out = np.zeros(len(train), dtype=np.bool_)
        held_out[order[: int(self.share * len(train))]] = True
        bounds: State = self._bounds(train, ~held_out, predicted, classes)
        deviations = [
            self._deviations(images, predicted[rows], bounds, train) / _confidence(train, rows)
            for rows, images in _chosen(train, held_out)
        ]
        expected = np.ones(len(bounds) // 2)
        if deviations:
            mean = np.concatenate(deviations, axis=1).mean(axis=1)
            expected = np.where(mean > 0, mean, expected)
        counts = np.bincount(predicted[~held_out], minlength=classes)
        return {**bounds, "expected": expected, "counts": counts}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), at most 0, higher = more in-distribution."""
        features_of(bank)
        predicted = predicted_classes(bank, classes=len(state["minima_0"]))
        weight = 1 / state["expected"]

        def block(rows: slice, images: Floats) -> Scores:
            deviations = self._deviations(images, predicted[rows], state, bank)
            return -(weight @ deviations) / _confidence(bank, rows)

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes with few images, or none, behind their bounds."""
        del bank
        if "counts" not in state:  # a state from before notes existed
            return ()
        counts, notes = state["counts"], []
        few = counts[(counts > 0) & (counts < _FEW)]
        if len(few):
            notes.append(
                f"the bounds of {len(few)} of {len(counts)} classes are of few images "
                f"(median {int(np.median(few))})"
            )
        bare = int(np.count_nonzero(counts == 0))
        return (*notes, *class_notes(bare, len(counts), "have the bounds of all images"))

    def _bounds(
        self, train: FeatureBank, used: Flags, predicted: npt.NDArray[np.intp], classes: int
    ) -> State:
        """Return minima_l and maxima_l over the images where ``used`` is true."""
        _, network = inputs_and_network_of(train)
        bounds: dict[str, Float64s] = {}
        for rows, images in _chosen(train, used):
            for layer, maps in enumerate(network.layers(images)):
                sums = row_sums(maps, self.powers)
                shape = (classes, *sums.shape[1:])
                lowest = bounds.setdefault(f"minima_{layer}", np.full(shape, np.inf))
                highest = bounds.setdefault(f"maxima_{layer}", np.full(shape, -np.inf))
                np.minimum.at(lowest, predicted[rows], sums)
                np.maximum.at(highest, predicted[rows], sums)
        unseen = np.bincount(predicted[used], minlength=classes) == 0
        for name, bound in bounds.items():
            bound[unseen] = bound.min(axis=0) if name.startswith("minima") else bound.max(axis=0)
        return bounds

    def _deviations(
        self, images: Floats, predicted: npt.NDArray[np.intp], bounds: State, bank: FeatureBank
    ) -> Float64s:
        """Return δ_l of every block and image, float64 (L, n)."""
        _, network = inputs_and_network_of(bank)
        blocks = network.layers(images)
        count = sum(name.startswith("minima") for name in bounds)
        require_widths(blocks, [bounds[f"minima_{layer}"].shape[2] for layer in range(count)])
        return np.stack(
            [
                _outside(
                    row_sums(maps, self.powers),
                    bounds[f"minima_{layer}"][predicted],
                    bounds[f"maxima_{layer}"][predicted],
                )
                for layer, maps in enumerate(blocks)
            ]
        )


def row_sums(maps: Floats, powers: int) -> Float64s:
    """Return g of maps (n, width, rows, columns), float64 (n, powers, width).

    The i-th row of F^o F^oᵀ sums to Σ_x F_ix^o Σ_j F_jx^o, so the matrix is not needed. A map is
    first divided by its largest magnitude, so that no power overflows; the result is multiplied by
    the square of that magnitude.
    """
    sums = np.empty((len(maps), powers, maps.shape[1]))
    few = max(1, _CACHED // max(1, math.prod(maps.shape[1:])))
    for rows in row_blocks(len(maps), few):
        flat = maps[rows].reshape(-1, maps.shape[1], math.prod(maps.shape[2:])).astype(np.float64)
        largest = np.abs(flat).max(axis=(1, 2), keepdims=True)
        flat /= np.where(largest == 0, 1, largest)
        power = np.ones_like(flat)
        for order in range(1, powers + 1):
            power *= flat
            total = (power @ power.sum(axis=1)[:, :, None])[:, :, 0]
            sums[rows, order - 1] = np.sign(total) * np.abs(total) ** (1 / order)
        sums[rows] *= largest**2
    return sums


def _chosen(bank: FeatureBank, chosen: Flags) -> Iterator[tuple[npt.NDArray[np.intp], Floats]]:
    """Yield the indices of the chosen rows and their images, block by block."""
    for rows, images in image_blocks(bank):
        if chosen[rows].any():
            yield rows.start + np.flatnonzero(chosen[rows]), images[chosen[rows]]


def _confidence(bank: FeatureBank, rows: slice | npt.NDArray[np.intp]) -> Float64s:
    return largest_probability(logits_of(bank)[rows], temperature=1.0)


def _outside(values: Float64s, lowest: Float64s, highest: Float64s) -> Float64s:
    """Return how far values (n, powers, width) exceed their bounds, relative to these, (n,)."""
    below = np.maximum(lowest - values, 0) / np.abs(lowest + 1e-6)
    above = np.maximum(values - highest, 0) / np.abs(highest + 1e-6)
    outside: Float64s = (below + above).sum(axis=(1, 2))
    return outside
