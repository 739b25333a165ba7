"""RankFeat: energy after the dominant direction of inner maps is removed (Song et al., 2022)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import features_of, inputs_and_network_of, logits_of
from mood_sweeps.scorers.numeric.image_blocks import by_images, required_logits
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["RankFeat"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RankFeat(LearnsNothing):
    """s = log Σ_c exp(½ z⁽ᴸ⁾ + ½ z⁽ᴸ⁻¹⁾)_c, z⁽ˡ⁾ the logits when block l's map M loses σ₁ u₁ v₁ᵀ.

    Song et al. (2022), equations 3 to 5; OpenOOD v1.5. M is (width, positions), σ₁ its largest
    singular value; L is the last block and L − 1 the one before (both the same in a network of
    one block). v₁ is the first eigenvector of MᵀM (or u₁ of MMᵀ, whichever is smaller), which is
    exact, unlike the power iteration that the authors offer for speed.
    For convolutional networks only: a transformer block also outputs tokens outside its map. A map
    with one position has rank one and becomes zero; only the bias is left.
    Cost: three passes through the network, the first with one image only, and two decompositions.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("logits", "network")

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution.

        Raises Undefined where the output of a block is not its map.
        """
        del state
        features_of(bank)
        logits_of(bank)
        _, network = inputs_and_network_of(bank)

        def block(_: slice, images: Floats) -> Scores:
            shapes = [maps.shape[1:] for maps in network.layers(images[:1])]
            last = range(max(0, len(shapes) - 2), len(shapes))
            logits = [
                required_logits(
                    network.forward_changed(images, layer, _flattening(shapes[layer]))[1]
                )
                for layer in last
            ]
            mean: Float64s = np.stack(logits).mean(axis=0, dtype=np.float64)
            return log_sum_exp(mean)

        return by_images(bank, block)


def _flattening(shape: tuple[int, ...]) -> Callable[[Floats], Floats]:
    """Return the change of a block's output; ``shape`` is that of its map of one image."""

    def change(maps: Floats) -> Floats:
        if maps.shape[1:] != shape:
            raise Undefined(
                "rankfeat is defined for convolutional networks: a block of this one hands on "
                f"{maps.shape[1:]} for an image, not its map of {shape}"
            )
        flat = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
        return without_rank_one(flat).reshape(maps.shape)

    return change


def without_rank_one(matrices: Float64s) -> Float64s:
    """Return M − σ₁ u₁ v₁ᵀ of matrices M (n, p, q), float64."""
    if matrices.shape[1] < matrices.shape[2]:
        return without_rank_one(matrices.transpose(0, 2, 1)).transpose(0, 2, 1)
    _, vectors = np.linalg.eigh(matrices.transpose(0, 2, 1) @ matrices)
    first = vectors[:, :, -1:]
    rest: Float64s = matrices - (matrices @ first) @ first.transpose(0, 2, 1)
    return rest
