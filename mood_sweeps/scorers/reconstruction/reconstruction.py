"""The distance between an image and its reconstruction (MOODv2, Fig. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.checked_arrays import features_of, inputs_and_network_of
from mood_sweeps.scorers.numeric.image_blocks import by_images
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["Reconstruction"]


@dataclass(frozen=True)
class Reconstruction(LearnsNothing):
    """s = −‖x − x̂‖₂ over the pixels in [0, 1], x̂ the reconstruction by the pretext task's decoder.

    The Euclidean distance of MOODv2 (Li et al. 2024), Fig. 4, where it is shown but not used as a
    score: a smooth OOD image is easier to complete than any ID image, so it looks in-distribution.
    Every patch of x̂ is predicted from others (see ``Network.reconstruct``); a decoder of
    normalised patches gets their true mean and deviation.
    For representations with a decoder: mim, mae, simmim before any fine-tuning.
    seed: assigns the patches to masks.
    Cost: 1/ratio or 1/(1 − ratio) passes through network and decoder.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "reconstruction"
    needs: ClassVar[tuple[str, ...]] = ("network", "decoder")

    seed: Annotated[int, Field(ge=0)] = 0

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return minus the distance, float64 (N,), at most 0.

        Raises as ``features_of`` and ``inputs_and_network_of`` do, and InputError without a
        decoder.
        """
        del state
        features_of(bank)
        _, network = inputs_and_network_of(bank)
        std = network.std.astype(np.float64)[:, None, None]

        def block(_: slice, images: Floats) -> Scores:
            difference = (images - network.reconstruct(images, self.seed)) * std
            distance: Scores = -np.sqrt(np.square(difference).sum(axis=(1, 2, 3)))
            return distance

        return by_images(bank, block)
