"""Mahalanobis distances at every block of the network, summed (Lee et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.numeric.bank_statistics import ClassStatistics
from mood_sweeps.scorers.numeric.checked_arrays import (
    features_of,
    live_of,
    train_features_of,
    train_labels_of,
)
from mood_sweeps.scorers.numeric.image_blocks import by_images, image_blocks, pooled, same_blocks
from mood_sweeps.scorers.numeric.rounding import computed_rounding
from mood_sweeps.scorers.numeric.running_statistics import RunningStatistics
from mood_sweeps.scorers.numeric.tied_gaussians import summed_gaussians, summed_note, tied_gaussians
from mood_sweeps.scorers.numeric.whitened_distances import left_out, nearest_to
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["MahalanobisLayers", "MahalanobisLayersPytorchOOD"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MahalanobisLayers(Scorer):
    """s = −Σ_l min_c (x_l − μ_lc)ᵀ Σ_l⁺ (x_l − μ_lc), x_l the mean of block l's map over positions.

    Lee et al. (2018), section 2.2, without input perturbation; μ_lc and Σ_l are class means and
    tied covariance of the train images, as of `mahalanobis`. All blocks weigh the same: whitened,
    they are in one unit. The authors weigh them by a logistic regression on OOD images; that would
    be learning from OOD data and is not offered.
    Cost: one pass through the network; Σ_l D_l² for every image.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels", "network")

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return for block l centre_l (D_l,), whitening_l (D_l, r) and means_l (C, r), float64.

        Raises Undefined where a block varies within no class.
        """
        del head
        train_features_of(train)
        _, index = np.unique(train_labels_of(train), return_inverse=True)
        return {
            f"{name}_{layer}": array
            for layer, (statistics, rounding) in enumerate(_block_statistics(train, index))
            for name, array in self._gaussians(statistics, rounding).items()
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        features_of(bank)
        _, network = live_of(bank)
        widths = [len(state[f"centre_{layer}"]) for layer in range(len(state) // 3)]

        def block(_: slice, images: Floats) -> Scores:
            blocks = network.layers(images)
            same_blocks(blocks, widths)
            total = np.zeros(len(images))
            for layer, maps in enumerate(blocks):
                white = (pooled(maps) - state[f"centre_{layer}"]) @ state[f"whitening_{layer}"]
                total -= nearest_to(state[f"means_{layer}"], white)
            return total

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Return for every block how many dimensions Σ_l⁺ leaves out."""
        del bank
        return tuple(
            note
            for layer in range(len(state) // 3)
            for note in self._note(state[f"whitening_{layer}"], layer)
        )

    def _gaussians(self, statistics: ClassStatistics, rounding: float) -> State:
        return tied_gaussians(statistics, rounding)

    def _note(self, whitening: Float64s, layer: int) -> tuple[str, ...]:
        return left_out(f"Σ of block {layer + 1}", *whitening.shape)


@dataclass(frozen=True)
class MahalanobisLayersPytorchOOD(MahalanobisLayers):
    """s = −½ Σ_l min_c (x_l − μ_lc)ᵀ (S_l + 10⁻⁶ I)⁻¹ (x_l − μ_lc), S_l the scatter, a plain sum.

    `MultiMahalanobis` of pytorch-ood 0.4.0 with its uniform weights.
    """

    version: ClassVar[int] = 1

    def _gaussians(self, statistics: ClassStatistics, rounding: float) -> State:
        del rounding
        return summed_gaussians(statistics)

    def _note(self, whitening: Float64s, layer: int) -> tuple[str, ...]:
        return tuple(f"block {layer + 1}: {note}" for note in summed_note(whitening))


def _block_statistics(
    train: FeatureBank, index: npt.NDArray[np.intp]
) -> list[tuple[ClassStatistics, float]]:
    """Return the statistics of every block's pooled map, and how exactly it was computed.

    index: class 0, 1, … of every row.
    """
    _, network = live_of(train)
    running: list[RunningStatistics] = []
    roundings: list[float] = []
    for rows, images in image_blocks(train):
        layers = network.layers(images)
        blocks = [pooled(maps) for maps in layers]
        if not running:
            roundings = [computed_rounding(maps.dtype) for maps in layers]
            classes = int(index.max()) + 1
            running = [RunningStatistics(classes, block.shape[1]) for block in blocks]
        for statistics, block in zip(running, blocks, strict=True):
            statistics.add(block, index[rows])
    known = [statistics.statistics() for statistics in running]
    return list(zip(known, roundings, strict=True))
