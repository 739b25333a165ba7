"""Neuron activation coverage: the train images with like activations (Liu et al., 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

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
from mood_sweeps.scorers.numeric.image_blocks import (
    by_images,
    image_blocks,
    require_widths,
    required_logits,
)
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["NAC", "NACPytorchOOD"]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NAC(Scorer):
    """s = mean_l mean_i min(n_li / O, 1), n the train images in the bin of a = σ(α · z · ∂KL/∂z).

    NAC-UE, Liu et al. (2024), equations 1 to 6, as their official code computes it. Layers l are
    all blocks but the last, and the features in place of the last. z_li is the sum of channel i of
    a block's map over its positions (in a transformer: over all tokens, including the class
    token), ∂KL/∂z_li the sum over the same positions of the derivative of KL(u ‖ p), u uniform, p
    the softmax of the logits; the features have one position.
    The range (0, 1) of every a_li is cut into ``bins`` − 2 intervals, which are finest near ½
    (where z · ∂KL/∂z is small): edges are log_1000 of equally spaced numbers from 1 to √1000,
    mirrored at ½. ``bins`` is M in the official code, where 50 gives 48 intervals.
    The defaults of ``alpha``, ``bins`` and ``enough`` (O) are the authors' values for the features
    of a ResNet-18 on CIFAR-10. They chose them for each layer and ID set on OOD data; here all
    layers share them: sweep them. The authors use three blocks, this class all blocks; in a
    transformer they use the second norm of a block, this class the block's output. They count 1000
    train images, this class all of them: choose a larger O for more images.
    Cost: one pass through the network forwards and one backwards.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("logits", "network")
    _side: ClassVar[Literal["left", "right"]] = "right"  # at an edge: in the bin above it

    alpha: Annotated[float, Field(gt=0)] = 100.0
    bins: Annotated[int, Field(ge=4, multiple_of=2)] = 50
    enough: Annotated[int, Field(gt=0)] = 50

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return for layer l counts_l (width_l, intervals), int64; and classes (), int64: C."""
        del head
        train_features_of(train)
        classes = train_logits_of(train).shape[1]
        counts: dict[str, npt.NDArray[np.int64]] = {}
        intervals = len(self._edges()) + 1
        for _, images in image_blocks(train):
            for layer, bins in enumerate(self._binned(train, images)):
                width = bins.shape[1]
                layer_counts = counts.setdefault(
                    f"counts_{layer}", np.zeros((width, intervals), np.int64)
                )
                np.add.at(layer_counts, (np.arange(width), bins), 1)
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
            return self._combine(np.stack(covered))

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note an ``enough`` that no bin can reach."""
        del bank
        images = int(state["counts_0"][0].sum())
        if self.enough <= images:
            return ()
        return (f"enough={self.enough} is more than the {images} ID train images: no bin has it",)

    def _binned(
        self, bank: FeatureBank, images: Floats, widths: list[int] | None = None
    ) -> list[npt.NDArray[np.intp]]:
        """Return for every layer the bins (n, width) of a; ``widths``: those of the layers."""
        _, network = inputs_and_network_of(bank)
        outputs_and_gradients = network.layer_gradients(images, self._divergence)
        values, gradients = (self._layers(arrays) for arrays in outputs_and_gradients)
        if widths is not None:
            require_widths(values, widths)
        edges = self._edges()
        return [
            np.searchsorted(
                edges, _sigmoid(self.alpha * self._influence(value, gradient)), side=self._side
            )
            for value, gradient in zip(values, gradients, strict=True)
        ]

    def _layers(self, outputs: Sequence[Floats]) -> Sequence[Floats]:
        """Return the layers that are scored, from all blocks and last the features."""
        *inner, _, features = outputs
        return *inner, features

    def _divergence(self, _: Floats, logits: Floats | None) -> tuple[None, Floats]:
        """Return ∂KL(u ‖ p)/∂logits = p − 1/C, float64 (n, C)."""
        probabilities = np.exp(log_softmax(required_logits(logits)))
        return None, probabilities - 1 / probabilities.shape[1]

    def _influence(self, values: Floats, gradients: Floats) -> Float64s:
        """Return z · ∂KL/∂z of values (n, width, positions), float64 (n, width)."""
        influence: Float64s = values.sum(axis=2, dtype=np.float64)
        influence *= gradients.sum(axis=2, dtype=np.float64)
        return influence

    def _edges(self) -> Float64s:
        """Return the inner edges of the bins of a, ascending, float64."""
        lower = np.log(np.linspace(1, np.sqrt(1000), self.bins // 2)) / np.log(1000)
        return np.concatenate([lower[1:-1], [0.5], 1 - lower[-2:0:-1]])

    def _combine(self, covered: Float64s) -> Scores:
        """Return the score from the coverage of all layers (L, n), float64 (n,)."""
        mean: Scores = covered.mean(axis=0)
        return mean


@dataclass(frozen=True)
class NACPytorchOOD(NAC):
    """As nac, but with means over positions, bins finest near 0 and 1, and a sum over blocks.

    `NACUE` of pytorch-ood 0.4.0 on the outputs of all blocks, the features not among them, with the
    same ``alpha``, ``bins`` and ``enough`` for each: half of the edges are spaced geometrically
    from 10⁻⁶ to ½, the others mirror them; 10⁻¹² is added to probabilities before the logarithm.
    In a transformer the mean is over all tokens, including the class token, as pytorch-ood does
    with such a ``feature_reduce``; by default it counts every channel of every token as a neuron,
    150,000 in each block of a ViT-B.
    """

    version: ClassVar[int] = 2
    _side: ClassVar[Literal["left", "right"]] = "left"  # at an edge: in the bin below it

    bins: Annotated[int, Field(gt=0, multiple_of=2)] = 50

    def _layers(self, outputs: Sequence[Floats]) -> Sequence[Floats]:
        return outputs[:-1]

    def _divergence(self, _: Floats, logits: Floats | None) -> tuple[None, Floats]:
        """Return the derivative of −mean_c log(p_c + 10⁻¹²) by the logits, float64 (n, C)."""
        probabilities = np.exp(log_softmax(required_logits(logits)))
        # Below 10⁻¹² a probability has almost no gradient: the added 10⁻¹² dominates the logarithm.
        share = probabilities / (probabilities + 1e-12) / probabilities.shape[1]
        return None, probabilities * share.sum(axis=1, keepdims=True) - share

    def _influence(self, values: Floats, gradients: Floats) -> Float64s:
        mean: Float64s = (values.astype(np.float64) * gradients).mean(axis=2)
        return mean

    def _edges(self) -> Float64s:
        lower = np.geomspace(1e-6, 0.5, self.bins // 2 + 1)[1:-1]
        return np.concatenate([lower, [0.5], 1 - lower[::-1]])

    def _combine(self, covered: Float64s) -> Scores:
        total: Scores = covered.sum(axis=0)
        return total


def _sigmoid(values: Float64s) -> Float64s:
    # The hyperbolic tangent never overflows and gives exactly ½ at 0.
    sigmoid: Float64s = 0.5 * (1 + np.tanh(0.5 * values))
    return sigmoid
