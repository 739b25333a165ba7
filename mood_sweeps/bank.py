"""Feature banks, heads and networks: what a representation makes of an image set."""

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

    @property
    def arrays(self) -> dict[str, Floats]:
        """What it consists of, by name, row by row in memory: a file holds these."""
        parts = {"weight": self.weight, "bias": self.bias, "detector": self.detector}
        return {
            name: np.ascontiguousarray(part) for name, part in parts.items() if part is not None
        }


Pull = Callable[[Floats, Floats | None], tuple[Floats | None, Floats | None]]
"""From features (n, D) and logits (n, C) to the derivatives of a scalar by each of them, as a
gradient is pulled back through the network; None for a derivative that is zero."""


class Inputs(Protocol):
    """The images of a bank as its network is fed them: float32 (N, channels, height, width)."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> Floats:
        """Return the images of some rows, normalised."""
        ...


class Network(Protocol):
    """A representation that can still be asked, for scores that change the input or look inside.

    Evaluation mode: what it says of an image does not depend on the others. Inputs are float32
    (n, channels, height, width), normalised. Logits are None for a headless representation.

    std: (channels,) by which pixels in [0, 1] were divided.
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
        """Return what every block hands on and last the features, and the gradients by them.

        (n, width, positions) each: of a map its positions, of a transformer all tokens, those that
        stand for no patch first; the features have one position. The gradients are those of the
        scalar behind ``pull``.
        """
        ...

    def forward_changed(
        self, inputs: Floats, layer: int, change: Callable[[Floats], Floats]
    ) -> tuple[Floats, Floats | None]:
        """Return features and logits with the map of block ``layer`` replaced by its change."""
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
        """Return the images (of the shape of inputs) that a decoder makes of them.

        Every patch from others that it sees; ``seed`` says which are hidden together. Raises
        InputError if the representation has no decoder.
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
    """Replace arrays by views that cannot be written: every scorer reads the same ones."""
    for name in names:
        array = getattr(value, name)
        if isinstance(array, np.ndarray) and array.flags.writeable:
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(value, name, view)
