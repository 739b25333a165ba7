"""The energy of a network with a reshaped last map, before pooling, as in pytorch-ood."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.hybrid.shaped_energy import Shape, Shaped
from mood_sweeps.scorers.numeric.checked_arrays import (
    features_of,
    inputs_and_network_of,
    logits_of,
    train_features_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.image_blocks import by_images, image_blocks, required_logits
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import negative_feature_notes

__all__ = ["ShapesMaps", "flat_maps"]


@dataclass(frozen=True)
class ShapesMaps(Scorer):
    """Base class: log Σ_c exp(z′)_c, z′ the logits when the last map m becomes m′.

    The subclass computes m′ from the width · rows · columns activations of one image, as if they
    were its features; the rest of the network (pooling, further layers, head) then processes m′.
    For networks that pool a map into their features; the score is Undefined for others (ViTs).
    """

    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("logits", "network")

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return shape (4,), int64: C, and width, rows and columns of the map."""
        del head
        train_features_of(train)
        classes = train_logits_of(train).shape[1]
        inputs, network = inputs_and_network_of(train)
        shape = network.final_map(inputs[:1]).shape[1:]
        return {"shape": np.asarray([classes, *shape], dtype=np.int64)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution.

        Raises Undefined where features are not pooled from a map or a score is not finite,
        InputError for maps of another shape than those learnt from.
        """
        classes, *learnt = state["shape"].tolist()
        features_of(bank)
        logits_of(bank, classes=classes)
        _, network = inputs_and_network_of(bank)
        shape = self._shape(state)

        def block(_: slice, images: Floats) -> Scores:
            maps = network.final_map(images)
            if list(maps.shape[1:]) != learnt:
                raise InputError(
                    f"maps of {list(maps.shape[1:])} cannot be scored by a state learnt on "
                    f"{learnt}: train and test images must go through one representation"
                )
            shaped = _scaled(shape(maps.reshape(len(maps), -1)))
            logits = required_logits(network.from_final_map(shaped.reshape(maps.shape))[1])
            return log_sum_exp(logits.astype(np.float64))

        return by_images(bank, block)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features: these scores are made for maps after a ReLU."""
        del state
        return negative_feature_notes(bank)

    @abstractmethod
    def _shape(self, state: State) -> Shape:
        """Return the function from the activations of maps, one row for each image, to m′."""


def flat_maps(train: FeatureBank) -> FeatureBank:
    """Return a bank with, as features, all activations of the last maps, (N, width·rows·columns).

    All of them are in memory at once, float32, as in pytorch-ood.
    """
    _, network = inputs_and_network_of(train)
    activations: npt.NDArray[np.float32] | None = None
    for rows, images in image_blocks(train):
        maps = network.final_map(images)
        flat = maps.reshape(len(maps), -1)
        if activations is None:
            activations = np.empty((len(train), flat.shape[1]), dtype=flat.dtype)
        activations[rows] = flat
    return FeatureBank(train.features[:, :0] if activations is None else activations, train.labels)


def _scaled(shaped: Shaped) -> Floats:
    return shaped.features if shaped.scale is None else shaped.features * shaped.scale
