"""Neuron activation coverage: how often train images activate neurons alike (Liu et al., 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.checks import (
    features_of,
    live_of,
    logits_of,
    train_features_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.images import by_images, image_blocks, known, pooled, same_blocks
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["NAC", "NACPytorchOOD"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NAC(Scorer):
    """s = mean_l mean_i min(n_li / O, 1), n the train images in the bin of a = σ(α · z · ∂KL/∂z).

    NAC-UE, Liu et al. (2024), equations 1 to 6. z_li is the mean of channel i of block l's map over
    positions, and ∂KL/∂z_li the derivative of the divergence of softmax f(x) from uniform by it:
    what a shift of the whole channel does (the sum over positions). The range (0, 1) of every a_li
    is cut into ``bins``, the finer the nearer to ½ (where z · ∂KL/∂z is small): edges are log_1000
    of equally spaced numbers from 1 to √1000, mirrored at ½, as of the authors' code.
    ``alpha``, ``bins`` and ``enough`` (O) are the authors' for the last block and CIFAR-10; they
    chose them for each block and ID set on OOD data, here they are to be swept, for all blocks
    together. The authors count 1000 train images, here all are counted: O is to grow with them.
    Cost: one pass through the network forwards and one backwards.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("logits", "network")

    alpha: Annotated[float, Field(gt=0)] = 100.0
    bins: Annotated[int, Field(gt=0, multiple_of=2)] = 50
    enough: Annotated[int, Field(gt=0)] = 50

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return for block l counts_l (width_l, bins), int64; and classes (), int64: C."""
        del head
        train_features_of(train)
        classes = train_logits_of(train).shape[1]
        counts: dict[str, npt.NDArray[np.int64]] = {}
        for _, images in image_blocks(train):
            for layer, bins in enumerate(self._binned(train, images)):
                width = bins.shape[1]
                known = counts.setdefault(f"counts_{layer}", np.zeros((width, self.bins), np.int64))
                np.add.at(known, (np.arange(width), bins), 1)
        return {**counts, "classes": np.asarray(classes, dtype=np.int64)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,) in [0, 1], higher = more in-distribution."""
        features_of(bank)
        logits_of(bank, classes=int(state["classes"]))
        widths = [len(state[f"counts_{layer}"]) for layer in range(len(state) - 1)]

        def block(_: slice, images: Floats) -> Scores:
            covered = []
            for layer, bins in enumerate(self._binned(bank, images, widths)):
                counts = state[f"counts_{layer}"][np.arange(bins.shape[1]), bins]
                covered.append(np.minimum(counts / self.enough, 1).mean(axis=1))
            return self._together(np.stack(covered))

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note an ``enough`` that no bin can have."""
        del bank
        images = int(state["counts_0"][0].sum())
        if self.enough <= images:
            return ()
        return (f"enough={self.enough} is more than the {images} ID train images: no bin has it",)

    def _binned(
        self, bank: FeatureBank, images: Floats, widths: list[int] | None = None
    ) -> list[npt.NDArray[np.intp]]:
        """Return for every block the bins (n, width) of a; ``widths``: what blocks are to have."""
        _, network = live_of(bank)
        maps, gradients = network.layer_gradients(images, _from_uniform)
        if widths is not None:
            same_blocks(maps, widths)
        return [
            self._bins(_sigmoid(self.alpha * self._influence(one, gradient)))
            for one, gradient in zip(maps, gradients, strict=True)
        ]

    def _influence(self, maps: Floats, gradients: Floats) -> Float64s:
        """Return z · ∂KL/∂z, float64 (n, width)."""
        derivative: Float64s = gradients.sum(axis=(2, 3), dtype=np.float64)
        return pooled(maps) * derivative

    def _bins(self, activations: Float64s) -> npt.NDArray[np.intp]:
        lower = np.log(np.linspace(1, np.sqrt(1000), self.bins // 2 + 1)[:-1]) / np.log(1000)
        edges = np.concatenate([lower[1:], [0.5], 1 - lower[:0:-1]])
        return np.searchsorted(edges, activations, side="right")

    def _together(self, covered: Float64s) -> Scores:
        """Return the score of blocks (L, n), float64 (n,)."""
        mean: Scores = covered.mean(axis=0)
        return mean


@dataclass(frozen=True)
class NACPytorchOOD(NAC):
    """As nac, but z · ∂KL/∂z is averaged over positions, bins are finer near 0 and 1, blocks sum.

    `NACUE` of pytorch-ood 0.4.0, which takes the same ``alpha``, ``bins`` and ``enough`` for every
    layer: half of the edges are spaced geometrically from 10⁻⁶ to ½, the others mirror them.
    """

    version: ClassVar[int] = 1

    def _influence(self, maps: Floats, gradients: Floats) -> Float64s:
        return pooled(maps.astype(np.float64) * gradients)

    def _bins(self, activations: Float64s) -> npt.NDArray[np.intp]:
        lower = np.geomspace(1e-6, 0.5, self.bins // 2 + 1)[1:-1]
        edges = np.concatenate([lower, [0.5], 1 - lower[::-1]])
        return np.searchsorted(edges, activations, side="left")

    def _together(self, covered: Float64s) -> Scores:
        total: Scores = covered.sum(axis=0)
        return total


def _from_uniform(_: Floats, logits: Floats | None) -> tuple[None, Floats]:
    """Return ∂KL(u ‖ p)/∂z = p − 1/C, u uniform, float64 (n, C)."""
    probabilities = np.exp(log_softmax(known(logits)))
    return None, probabilities - 1 / probabilities.shape[1]


def _sigmoid(values: Float64s) -> Float64s:
    # By the hyperbolic tangent, which overflows nowhere and makes exactly ½ of 0.
    sigmoid: Float64s = 0.5 * (1 + np.tanh(0.5 * values))
    return sigmoid
