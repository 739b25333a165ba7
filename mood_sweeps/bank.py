"""Feature banks, heads and networks: the values of a representation on an image set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["FeatureBank", "Floats", "Head", "Inputs", "Ints", "Network", "Pull"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Head:
    """The linear classifier of a representation: logits = features @ weight.T + bias.

    weight: float32 (C, D). bias: float32 (C,). detector: float32 (D + 1,), weights and last the
    bias of a linear output that was trained to tell ID (high) from OOD; None if none was. float64
    where a user's numbers are more than float32 holds.
    """

    weight: Floats
    bias: Floats
    detector: Floats | None = None

    def __post_init__(self) -> None:
        _protect(self, "weight", "bias", "detector")

    def logits(self, features: Floats) -> Floats:
        """Return the logits (N, C) of features (N, D)."""
        return features @ self.weight.T + self.bias

    @property
    def arrays(self) -> dict[str, Floats]:
        """The arrays that a file of this head holds, by name, C-contiguous."""
        arrays = {"weight": self.weight, "bias": self.bias, "detector": self.detector}
        return {
            name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None
        }


Pull = Callable[[Floats, Floats | None], tuple[Floats | None, Floats | None]]
"""From features (n, D) and logits (n, C) to the derivatives of a scalar by each of them, as a
gradient is pulled back through the network; None for a derivative that is zero."""


class Inputs(Protocol):
    """The images of a bank as input of its network: float32 (N, channels, height, width)."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> Floats:
        """Return the images of some rows, normalised."""
        ...


class Network(Protocol):
    """The network of a representation, for scorers that change its input or read its inner maps.

    It is in evaluation mode: the output for an image does not depend on the other images. Inputs
    are float32 (n, channels, height, width), normalised. Logits are None without a head.

    std: (channels,), the divisor of pixels in [0, 1] in the normalisation.
    """

    std: Floats

    def forward(self, inputs: Floats) -> tuple[Floats, Floats | None]:
        """Return features (n, D) and logits (n, C)."""
        ...

    def input_gradient(self, inputs: Floats, pull: Pull) -> Floats:
        """Return the gradient by the inputs, of their shape, of the scalar behind ``pull``."""
        ...

    def layers(self, inputs: Floats) -> tuple[Floats, ...]:
        """Return the map of every block, first to last: (n, width, rows, columns) each."""
        ...

    def layer_gradients(
        self, inputs: Floats, pull: Pull
    ) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return the outputs of all blocks, last the features, and the gradients by each of them.

        Each is (n, width, positions). The positions of a transformer are all its tokens, first
        those that stand for no patch; the features have one position. The gradients are those of
        the scalar behind ``pull``.
        """
        ...

    def forward_changed(
        self, inputs: Floats, layer: int, change: Callable[[Floats], Floats]
    ) -> tuple[Floats, Floats | None]:
        """Return features and logits with the map m of block ``layer`` changed to ``change(m)``."""
        ...

    def final_map(self, inputs: Floats) -> Floats:
        """Return the map that is pooled into the features, (n, width, rows, columns).

        Raises Undefined where the features are not pooled from a map.
        """
        ...

    def from_final_map(self, maps: Floats) -> tuple[Floats, Floats | None]:
        """Return features and logits of maps such as `final_map` returns, changed or not."""
        ...

    def reconstruct(self, inputs: Floats, seed: int) -> Floats:
        """Return the images, of the shape of inputs, as the decoder reconstructs them.

        Every patch is predicted from other, visible patches; ``seed`` decides which patches are
        hidden together. Raises InputError if the representation has no decoder.
        """
        ...


@dataclass(frozen=True, eq=False)
class FeatureBank:
    """Cached features of one representation on one image set.

    features: float32 (N, D), before the head; float64, as logits may be, where a user's numbers are
        more than float32 holds.
    labels: int64 (N,); ID classes are 0..C-1, OOD sets carry their own fine labels. Of length 0
        where they are unknown.
    logits: float32 (N, C), or None for a headless representation.
    inputs, network: the images and the network behind the features, for the scorers that need
        them; None otherwise.
    ids_digest: SHA-256 of the ids of the images, in this order (`digest_of_ids`): banks of the same
        images in the same order have the same. None where images have no ids.
    """

    features: Floats
    labels: Ints
    logits: Floats | None = None
    inputs: Inputs | None = None
    network: Network | None = None
    ids_digest: str | None = None

    def __post_init__(self) -> None:
        _protect(self, "features", "labels", "logits")

    def __len__(self) -> int:
        return len(self.features)


def _protect(value: object, *names: str) -> None:
    """Replace arrays by read-only views: all scorers read the same arrays."""
    for name in names:
        array = getattr(value, name)
        if isinstance(array, np.ndarray) and array.flags.writeable:
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(value, name, view)
