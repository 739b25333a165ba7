"""Mahalanobis distance after a step of the input towards the nearest class (Lee et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.gradient.input_step import of_unit_magnitude, per_pixel
from mood_sweeps.scorers.numeric.bank_statistics import ClassStatistics, class_statistics
from mood_sweeps.scorers.numeric.checked_arrays import features_of, inputs_and_network_of
from mood_sweeps.scorers.numeric.image_blocks import by_images
from mood_sweeps.scorers.numeric.rounding import measured_rounding
from mood_sweeps.scorers.numeric.rows import plain_rows
from mood_sweeps.scorers.numeric.tied_gaussians import (
    nearest_class,
    ridge_gaussians,
    ridge_notes,
    tied_gaussians,
)
from mood_sweeps.scorers.numeric.whitened_distances import min_squared_distances, singular_notes
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["MahalanobisPerturbed", "MahalanobisPerturbedPytorchOOD"]


@dataclass(frozen=True)
class MahalanobisPerturbed(Scorer):
    """s = −min_c d_c²(x̃), x̃ = input − ε · sign(∂ min_c d_c² / ∂ input) / std, d_c of `mahalanobis`.

    Lee et al. (2018), section 2.2, for the last features. d_c² = ‖(x − μ_c) W‖₂² with W Wᵀ = Σ⁺, so
    its derivative by the features is 2 W Wᵀ(x − μ_c), which the network propagates back to the
    input. ``epsilon`` is in units of pixels in [0, 1], as in `odin`; a pixel without gradient does
    not change. The authors chose it on OOD data, between 0 and 0.01; OpenOOD uses 0.0014 for all
    blocks together.
    Cost: two passes through the network forwards and one backwards.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("labels", "network")

    epsilon: Annotated[float, Field(ge=0)] = 0.0014

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, r) and whitened means (C, r), float64.

        Raises Undefined where no class varies, for example with one sample each.
        """
        del head
        return self._gaussians(class_statistics(train), measured_rounding(train))

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        centre, matrix, means = state["centre"], state["whitening"], state["means"]
        features_of(bank, width=len(centre))
        _, network = inputs_and_network_of(bank)

        def pull(features: Floats, _: Floats | None) -> tuple[Floats, None]:
            white = (plain_rows(features) - centre) @ matrix
            to_nearest = white - means[nearest_class(means, white)]
            return of_unit_magnitude(to_nearest @ matrix.T), None

        def block(_: slice, images: Floats) -> Scores:
            gradient = network.input_gradient(images, pull)
            features, _logits = network.forward(images - self._step(gradient, network.std))
            return -min_squared_distances(means, (plain_rows(features) - centre) @ matrix)

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions that Σ⁺ leaves out."""
        del bank
        return singular_notes("Σ within the classes", *state["whitening"].shape)

    def _gaussians(self, statistics: ClassStatistics, rounding: float) -> State:
        return tied_gaussians(statistics, rounding)

    def _step(self, gradient: Floats, std: Floats) -> Floats:
        return per_pixel(self.epsilon * np.sign(gradient), std)


@dataclass(frozen=True)
class MahalanobisPerturbedPytorchOOD(MahalanobisPerturbed):
    """As mahalanobis_perturbed, with `mahalanobis@pytorch_ood`, no division by std, ε = 0.002.

    `MahalanobisODIN` of pytorch-ood 0.4.0 with its defaults, without ``norm_std``.
    """

    version: ClassVar[int] = 1

    epsilon: Annotated[float, Field(ge=0)] = 0.002

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions in which 10⁻⁶ I is most of S + 10⁻⁶ I."""
        del bank
        return ridge_notes(state["whitening"])

    def _gaussians(self, statistics: ClassStatistics, rounding: float) -> State:
        del rounding
        return ridge_gaussians(statistics)

    def _step(self, gradient: Floats, std: Floats) -> Floats:
        del std
        step: Floats = self.epsilon * np.sign(gradient)
        return step
