"""A checkpoint as a live network: gradients with respect to the input, maps of inner blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mood_sweeps.bank import Floats, Pull
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.input_transforms import to_input
from mood_sweeps.errors import Undefined
from mood_sweeps.methods.pretexts.decoder import restore_objective
from mood_sweeps.methods.pretexts.masked.reconstruction import Reconstructing
from mood_sweeps.methods.pretexts.task import PretextTask
from mood_sweeps.networks.build_network import build
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.reproducible import reproducible

__all__ = ["LiveNetwork", "NetworkInputs"]


class LiveNetwork:
    """The network of a checkpoint, in evaluation mode (see `mood_sweeps.bank.Network`).

    A block is one of timm's intermediate features: a stage of a CNN, a transformer block of a ViT
    (its patch tokens as a map, without class token).
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        form = checkpoint.architecture["input"]
        self.std: Floats = np.asarray(form["std"], dtype=np.float32)
        with reproducible(0, "live network"):
            network: Any = build(checkpoint.architecture)  # Any: timm adds attributes to Module
        network.load_state_dict(checkpoint.weights)
        self._network = network.eval().requires_grad_(False)
        blocks: list[str] = [one["module"] for one in network.feature_info]
        self._blocks = [network.get_submodule(name) for name in blocks]
        self._checkpoint = checkpoint
        self._decoder: Reconstructing[PretextTask] | None = None
        self._head = None
        if checkpoint.head is not None:
            head = checkpoint.head
            self._head = torch.tensor(head.weight), torch.tensor(head.bias)

    def forward(self, inputs: Floats) -> tuple[Floats, Floats | None]:
        """Return features (n, D) and logits (n, C)."""
        with torch.inference_mode():
            return _arrays(*self._with_logits(self._network(_tensor(inputs))))

    def input_gradient(self, inputs: Floats, pull: Pull) -> Floats:
        """Return the gradient with respect to the inputs of ``pull``'s scalar."""
        images = _tensor(inputs).requires_grad_()
        (gradient,) = self._gradients(self._network(images), pull, (images,))
        return gradient.numpy()

    def layers(self, inputs: Floats) -> tuple[Floats, ...]:
        """Return the map of every block, first to last."""
        with torch.inference_mode():
            outputs, _ = self._through_blocks(_tensor(inputs))
        return tuple(map(self._as_map, outputs))

    def layer_gradients(
        self, inputs: Floats, pull: Pull
    ) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return the outputs of all blocks, then the features; and the gradients by each."""
        # No weight requires a gradient, so the input must: otherwise torch records no graph.
        outputs, features = self._through_blocks(_tensor(inputs).requires_grad_())
        layers = (*outputs, features)
        gradients = self._gradients(features, pull, layers)
        return tuple(map(self._by_position, layers)), tuple(map(self._by_position, gradients))

    def forward_changed(
        self, inputs: Floats, layer: int, change: Callable[[Floats], Floats]
    ) -> tuple[Floats, Floats | None]:
        """Return features and logits after ``change`` of the map of block ``layer``.

        CNNs only: the output of a ViT's block also has a class token, which is not part of the map.
        """

        def replace(_module: Any, _args: Any, output: Tensor) -> Tensor:
            return _tensor(change(output.numpy()))

        hook = self._blocks[layer].register_forward_hook(replace)
        try:
            return self.forward(inputs)
        finally:
            hook.remove()

    def final_map(self, inputs: Floats) -> Floats:
        """Return the map that is pooled into the features, (n, width, rows, columns)."""
        with torch.inference_mode():
            output: Tensor = self._network.forward_features(_tensor(inputs))
        if output.ndim != 4:
            raise Undefined("the features of this network are pooled from tokens, not from a map")
        return self._as_map(output)

    def from_final_map(self, maps: Floats) -> tuple[Floats, Floats | None]:
        """Return features and logits of maps such as `final_map` returns."""
        output = _tensor(maps)
        if self._channels_last:
            output = output.permute(0, 2, 3, 1)
        with torch.inference_mode():
            return _arrays(*self._with_logits(self._network.forward_head(output)))

    def reconstruct(self, inputs: Floats, seed: int) -> Floats:
        """Return the images as the representation's decoder reconstructs them."""
        if self._decoder is None:
            self._decoder = restore_objective(self._checkpoint)
        with torch.inference_mode():
            return self._decoder.reconstruct(_tensor(inputs), seed).numpy()

    def _with_logits(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        if self._head is None:
            return features, None
        weight, bias = self._head
        return features, features @ weight.T + bias

    def _through_blocks(self, inputs: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the raw output of every block, and the features."""
        outputs: dict[int, Tensor] = {}
        hooks = [
            block.register_forward_hook(
                lambda _m, _a, out, index=index: outputs.__setitem__(index, out)
            )
            for index, block in enumerate(self._blocks)
        ]
        try:
            features = self._network(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return tuple(outputs[index] for index in range(len(self._blocks))), features

    def _as_map(self, output: Tensor) -> Floats:
        """Return a block's output as (n, width, rows, columns)."""
        if output.ndim == 3:  # tokens: prefix tokens, then patches row by row
            patches = output[:, getattr(self._network, "num_prefix_tokens", 0) :]
            side = math.isqrt(patches.shape[1])
            embedding = getattr(self._network, "patch_embed", None)
            rows, columns = embedding.grid_size if embedding is not None else (side, side)
            output = patches.transpose(1, 2).reshape(len(output), -1, rows, columns)
        elif self._channels_last:
            output = output.permute(0, 3, 1, 2)
        return output.detach().contiguous().numpy()

    def _by_position(self, output: Tensor) -> Floats:
        """Return a block's output, or features, as (n, width, positions)."""
        if output.ndim == 4 and not self._channels_last:
            output = output.flatten(2)
        else:  # width last: tokens, channels-last maps, features
            output = output.reshape(len(output), -1, output.shape[-1]).transpose(1, 2)
        return output.detach().contiguous().numpy()

    @property
    def _channels_last(self) -> bool:
        return getattr(self._network, "output_fmt", "NCHW") == "NHWC"

    def _gradients(
        self, features: Tensor, pull: Pull, sources: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        features, logits = self._with_logits(features)
        by_features, by_logits = pull(*_arrays(features.detach(), logits))
        scalar = features.new_zeros(())
        if by_features is not None:
            scalar = scalar + (features * _tensor(by_features)).sum()
        if by_logits is not None and logits is not None:
            scalar = scalar + (logits * _tensor(by_logits)).sum()
        return torch.autograd.grad(scalar, sources)


class NetworkInputs:
    """The images of a split as inputs of a network, transformed on access."""

    def __init__(self, images: LabelledImages, form: dict[str, Any]) -> None:
        self._images = images
        self._form = form

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: slice) -> Floats:
        """Return float32 (n, channels, size, size), normalised."""
        indices = np.arange(len(self._images))[rows]
        return to_input(self._images.read(indices), self._form).numpy()


def _tensor(array: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _arrays(features: Tensor, logits: Tensor | None) -> tuple[Floats, Floats | None]:
    return features.numpy(), None if logits is None else logits.detach().numpy()
