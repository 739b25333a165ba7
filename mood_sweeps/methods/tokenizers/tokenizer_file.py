"""A tokenizer in a file: its digest and whether it fits a backbone. Weights are not read here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.identity import file_digest
from mood_sweeps.methods.tokenizers.declarations import TokenizerFile
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.patches import Patches, patches_of

__all__ = ["choose_file", "dvae_of", "expected_shapes"]

Shapes = Mapping[str, tuple[int, ...]]


def choose_file(path: str, folder: Path, backbone: Choice[Backbone]) -> Choice[TokenizerFile]:
    """Return the tokenizer in a safetensors file, identified by its bytes.

    path: relative to ``folder``. Raises InputError if it cannot be read, is no tokenizer, or has
    other patches than ``backbone``.
    """
    file = folder / path
    try:
        digest = file_digest(file)
        with safe_open(file, framework="numpy") as content:
            shapes = {name: tuple(content.get_slice(name).get_shape()) for name in content.keys()}  # noqa: SIM118
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"tokenizer {path!r} cannot be read: {reason}") from None
    except SafetensorError as error:
        raise InputError(f"tokenizer {path!r} is no safetensors file: {error}") from None
    _check(f"tokenizer {path!r}", shapes, patches_of(backbone))
    return Choice("file", TokenizerFile(str(file.absolute())), digest)


def dvae_of(shapes: Shapes) -> dict[str, int]:
    """Return channels, patch_size, vocabulary, width and blocks of the discrete VAE in a file."""
    width, channels, patch_size, _ = shapes["cut.weight"]
    return {
        "channels": channels,
        "patch_size": patch_size,
        "vocabulary": shapes["codebook.weight"][0],
        "width": width,
        "blocks": sum(
            name.startswith("encoder.") and name.endswith("near.weight") for name in shapes
        ),
    }


def expected_shapes(
    *, channels: int, patch_size: int, vocabulary: int, width: int, blocks: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a discrete VAE with these settings, by name."""
    shapes: dict[str, tuple[int, ...]] = {
        "cut.weight": (width, channels, patch_size, patch_size),
        "cut.bias": (width,),
        "logits.weight": (vocabulary, width, 1, 1),
        "logits.bias": (vocabulary,),
        "codebook.weight": (vocabulary, width),
        "paste.weight": (width, channels, patch_size, patch_size),
        "paste.bias": (channels,),
    }
    for part in ("encoder", "decoder"):
        for block in range(blocks):
            for layer, side in (("near", 3), ("own", 1)):
                shapes[f"{part}.{block}.{layer}.weight"] = (width, width, side, side)
                shapes[f"{part}.{block}.{layer}.bias"] = (width,)
    return shapes


def _check(label: str, shapes: Shapes, patches: Patches) -> None:
    dimensions = {name: len(shapes.get(name, ())) for name in ("cut.weight", "codebook.weight")}
    if dimensions != {"cut.weight": 4, "codebook.weight": 2}:
        raise InputError(
            f"{label} holds no discrete VAE of ours: no four-dimensional 'cut.weight' beside a "
            "two-dimensional 'codebook.weight'"
        )
    settings: dict[str, Any] = dvae_of(shapes)
    needed = expected_shapes(
        **{**settings, "channels": patches.channels, "patch_size": patches.patch_size},
    )
    for name in sorted({*needed, *shapes}):
        if shapes.get(name) != needed.get(name):
            raise InputError(
                f"{label}: tensor {name!r} is {_shown(shapes.get(name))}, and for patches of "
                f"{patches.patch_size}×{patches.patch_size} pixels in {patches.channels} channels "
                f"must be {_shown(needed.get(name))}"
            )


def _shown(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else "×".join(map(str, shape)) or "a single number"
