"""Multi-crop: two global views of an image and several small, local ones (Caron et al. 2020)."""

from __future__ import annotations

from typing import Any

import torch

from mood_sweeps.errors import InputError
from mood_sweeps.networks.build_network import name_of
from mood_sweeps.networks.other_image_sizes import allow_other_sizes, features_at
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.augment.random_views import augment

__all__ = ["MultiCrop"]


class MultiCrop:
    """Draws the views of a batch, and computes the features of local views.

    views: augmentations of the two global crops and of the local ones. local_crops: local views per
    image. local_size: their side as a share of the image's, rounded to whole patches. For a network
    with a fixed input size local crops are enlarged to it. Raises InputError for local crops
    too small for the network.
    """

    def __init__(
        self, network: Any, views: tuple[Augmentation, ...], local_crops: int, local_size: float
    ) -> None:
        *self._global_views, self._local_view = views
        self._form = network.description["input"]
        self.local_crops = local_crops
        self.local_side: int = self._form["size"]
        unit = allow_other_sizes(network)
        self._takes_other_sizes = unit is not None
        if unit is not None:
            self.local_side = unit * max(1, round(local_size * self.local_side / unit))
            self._check(network)

    def global_crops(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return (2·N, C, S, S): the first view of all images, then the second."""
        views = [augment(images, view, generator, self._form) for view in self._global_views]
        return torch.cat(views)

    def local_features(
        self, network: Any, images: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return (local_crops·N, D): a network's pooled features of local crops, view by view."""
        crops = [
            augment(images, self._local_view, generator, self._form, self.local_side)
            for _ in range(self.local_crops)
        ]
        if self._takes_other_sizes:
            return features_at(network, torch.cat(crops))
        features: torch.Tensor = network(torch.cat(crops))
        return features

    def _check(self, network: Any) -> None:
        """Raise InputError if local crops are too small for the network."""
        side = self.local_side
        example = torch.zeros(2, self._form["channels"], side, side)
        try:
            with torch.no_grad():
                features_at(network.eval(), example)
        except RuntimeError as error:
            raise InputError(
                f"local crops of {side}×{side} pixels are too small for "
                f"{name_of(network.description)} ({error}): raise local_size"
            ) from None
        network.train()
