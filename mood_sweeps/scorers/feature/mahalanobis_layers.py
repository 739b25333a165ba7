"""Mahalanobis distances at every block of the network, summed (Lee et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.numeric.bank_statistics import ClassStatistics, RunningStatistics
from mood_sweeps.scorers.numeric.checked_arrays import (
    features_of,
    inputs_and_network_of,
    train_features_of,
    train_labels_of,
)
from mood_sweeps.scorers.numeric.image_blocks import (
    by_images,
    image_blocks,
    mean_over_positions,
    require_widths,
)
from mood_sweeps.scorers.numeric.rounding import computed_rounding
from mood_sweeps.scorers.numeric.tied_gaussians import ridge_gaussians, ridge_notes, tied_gaussians
from mood_sweeps.scorers.numeric.whitened_distances import min_squared_distances, singular_notes
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["MahalanobisLayers", "MahalanobisLayersPytorchOOD"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MahalanobisLayers(Scorer):
    """s = −Σ_l min_c (x_l − μ_lc)ᵀ Σ_l⁺ (x_l − μ_lc), x_l the mean of block l's map over positions.

    Lee et al. (2018), section 2.2, without input perturbation; μ_lc and Σ_l are class means and
    tied covariance of the train images, as in `mahalanobis`. All blocks have the same weight:
    whitened, they have one unit. The authors fit the weights by logistic regression on OOD images;
    that would learn from OOD data and is not offered.
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
        _, network = inputs_and_network_of(bank)
        widths = [len(state[f"centre_{layer}"]) for layer in range(len(state) // 3)]

        def block(_: slice, images: Floats) -> Scores:
            blocks = network.layers(images)
            require_widths(blocks, widths)
            total = np.zeros(len(images))
            for layer, maps in enumerate(blocks):
                white = (mean_over_positions(maps) - state[f"centre_{layer}"]) @ state[
                    f"whitening_{layer}"
                ]
                total -= min_squared_distances(state[f"means_{layer}"], white)
            return total

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note for every block the number of dimensions that Σ_l⁺ leaves out."""
        del bank
        return tuple(
            note
            for layer in range(len(state) // 3)
            for note in self._note(state[f"whitening_{layer}"], layer)
        )

    def _gaussians(self, statistics: ClassStatistics, rounding: float) -> State:
        return tied_gaussians(statistics, rounding)

    def _note(self, whitening: Float64s, layer: int) -> tuple[str, ...]:
        return singular_notes(f"Σ of block {layer + 1}", *whitening.shape)


@dataclass(frozen=True)
class MahalanobisLayersPytorchOOD(MahalanobisLayers):
    """s = −½ Σ_l min_c (x_l − μ_lc)ᵀ (S_l + 10⁻⁶ I)⁻¹ (x_l − μ_lc), S_l the scatter, a plain sum.

    `MultiMahalanobis` of pytorch-ood 0.4.0 with its uniform weights.
    """

    version: ClassVar[int] = 1

    def _gaussians(self, statistics: ClassStatistics, rounding: float) -> State:
        del rounding
        return ridge_gaussians(statistics)

    def _note(self, whitening: Float64s, layer: int) -> tuple[str, ...]:
        return tuple(f"block {layer + 1}: {note}" for note in ridge_notes(whitening))


def _block_statistics(
    train: FeatureBank, index: npt.NDArray[np.intp]
) -> list[tuple[ClassStatistics, float]]:
    """Return the statistics of every block's pooled map, and its relative rounding.

    index: class 0, 1, … of every row.
    """
    _, network = inputs_and_network_of(train)
    running: list[RunningStatistics] = []
    roundings: list[float] = []
    for rows, images in image_blocks(train):
        layers = network.layers(images)
        blocks = [mean_over_positions(maps) for maps in layers]
        if not running:
            roundings = [computed_rounding(maps.dtype) for maps in layers]
            classes = int(index.max()) + 1
            running = [RunningStatistics(classes, block.shape[1]) for block in blocks]
        for statistics, block in zip(running, blocks, strict=True):
            statistics.add(block, index[rows])
    known = [statistics.statistics() for statistics in running]
    return list(zip(known, roundings, strict=True))
