"""RandAugment of a whole batch (Cubuk et al. 2020), with different changes for each image.

The fifteen changes and their dependence on a magnitude m in [0, 10] are timm's ``rand-…-inc1``, as
in the training of BEiT, MAE and MOODv1: each change is stronger for higher m.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.training.augment import colours
from mood_sweeps.training.augment.parameters import RandAugment

__all__ = ["CHANGES", "rand_augmented"]

_LEVELS = 255.0
_Change = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(pixels (n, C, H, W) in [0, 1], signed strength (n,) in [-1, 1], mean (1, C, 1, 1)) → pixels."""


def rand_augmented(
    pixels: torch.Tensor, settings: RandAugment, mean: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return ``pixels`` (N, C, H, W) in [0, 1] after ``settings.ops`` changes drawn for each image.

    mean: (1, C, 1, 1), the value beyond the border.
    """
    count = len(pixels)
    for _ in range(settings.ops):
        drawn_change = torch.randint(len(CHANGES), (count,), generator=generator)
        is_applied = torch.rand(count, generator=generator) < 0.5
        magnitude = settings.magnitude + settings.spread * torch.randn(count, generator=generator)
        sign = torch.randint(2, (count,), generator=generator) * 2 - 1
        strength = sign * magnitude.clamp(0, 10) / 10
        for number, change in enumerate(CHANGES.values()):
            chosen = (is_applied & (drawn_change == number)).nonzero().flatten()
            if len(chosen):
                index = chosen.to(pixels.device)
                changed = change(pixels[index], strength[chosen].to(pixels), mean)
                pixels = pixels.index_copy(0, index, changed)
    return pixels


def _auto_contrast(
    pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor
) -> torch.Tensor:
    """Stretch every channel to [0, 1]; a channel with one value stays."""
    del strength, mean
    low, high = pixels.amin(dim=(2, 3), keepdim=True), pixels.amax(dim=(2, 3), keepdim=True)
    span = high - low
    return torch.where(span > 0, (pixels - low) / torch.where(span > 0, span, 1.0), pixels)


def _equalise(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Flatten the histogram of every channel, as PIL's ``equalize`` does with 256 levels."""
    del strength, mean
    levels = _levels(pixels).flatten(2).flatten(0, 1)
    bins = levels + 256 * torch.arange(len(levels), device=levels.device)[:, None]
    histogram = torch.bincount(bins.flatten(), minlength=256 * len(levels)).view(-1, 256)
    last = histogram.gather(1, levels.amax(dim=1, keepdim=True))
    step = (histogram.sum(dim=1, keepdim=True) - last) // 255
    below = histogram.cumsum(dim=1) - histogram
    table = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    equalised = table.gather(1, levels).view(pixels.shape) / _LEVELS
    return torch.where(step.view(*pixels.shape[:2], 1, 1) > 0, equalised, pixels)


def _invert(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    del strength, mean
    return 1 - pixels


def _rotate(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Turn by up to 30°."""
    angle = strength * math.radians(30)
    cosine, sine, zero = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    return _moved(pixels, ((cosine, -sine, zero), (sine, cosine, zero)), mean)


def _posterise(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Keep the 4 to 0 highest of 8 bits."""
    del mean
    bits = 4 - (strength.abs() * 4).int()
    unit = (2 ** (8 - bits)).view(-1, 1, 1, 1)
    return (_levels(pixels) // unit * unit) / _LEVELS


def _solarise(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Invert levels from a threshold on, which is 256 down to 0."""
    del mean
    threshold = 256 - (strength.abs() * 256).int()
    return torch.where(_levels(pixels) >= threshold.view(-1, 1, 1, 1), 1 - pixels, pixels)


def _solarise_add(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Add up to 110 of 255 to the darker half of the levels."""
    del mean
    more = (strength.abs() * 110).int().view(-1, 1, 1, 1) / _LEVELS
    return torch.where(_levels(pixels) < 128, (pixels + more).clamp(max=1), pixels)


def _saturation(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    del mean
    return colours.change_saturation(pixels, _factor(strength))


def _contrast(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    del mean
    return colours.change_contrast(pixels, _factor(strength))


def _brightness(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    del mean
    return colours.change_brightness(pixels, _factor(strength))


def _sharpness(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Move away from, or towards, the image under PIL's smoothing filter; the border stays."""
    del mean
    channels = pixels.shape[1]
    kernel = torch.full((channels, 1, 3, 3), 1 / 13, dtype=pixels.dtype, device=pixels.device)
    kernel[:, :, 1, 1] = 5 / 13
    smooth = pixels.clone()
    smooth[:, :, 1:-1, 1:-1] = F.conv2d(pixels, kernel, groups=channels)
    factor = _factor(strength).view(-1, 1, 1, 1)
    return (smooth + (pixels - smooth) * factor).clamp(0, 1)


def _shear_x(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Move a row sideways by up to 0.3 of its distance from the top."""
    one, zero, by = torch.ones_like(strength), torch.zeros_like(strength), strength * 0.3
    return _moved(pixels, ((one, by, by), (zero, one, zero)), mean)


def _shear_y(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    one, zero, by = torch.ones_like(strength), torch.zeros_like(strength), strength * 0.3
    return _moved(pixels, ((one, zero, zero), (by, one, by)), mean)


def _move_x(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Move by up to 0.45 of the side, which is 2 in the coordinates of a grid."""
    one, zero, by = torch.ones_like(strength), torch.zeros_like(strength), strength * 0.9
    return _moved(pixels, ((one, zero, by), (zero, one, zero)), mean)


def _move_y(pixels: torch.Tensor, strength: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    one, zero, by = torch.ones_like(strength), torch.zeros_like(strength), strength * 0.9
    return _moved(pixels, ((one, zero, zero), (zero, one, by)), mean)


CHANGES: dict[str, _Change] = {
    "AutoContrast": _auto_contrast,
    "Equalize": _equalise,
    "Invert": _invert,
    "Rotate": _rotate,
    "PosterizeIncreasing": _posterise,
    "SolarizeIncreasing": _solarise,
    "SolarizeAdd": _solarise_add,
    "ColorIncreasing": _saturation,
    "ContrastIncreasing": _contrast,
    "BrightnessIncreasing": _brightness,
    "SharpnessIncreasing": _sharpness,
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateXRel": _move_x,
    "TranslateYRel": _move_y,
}
"""By timm's names. Changes without a direction ignore the sign of the strength."""


def _factor(strength: torch.Tensor) -> torch.Tensor:
    """Return 1 up or down by up to 0.9, and at least 0.1."""
    return (1 + 0.9 * strength).clamp(min=0.1)


def _levels(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels * _LEVELS).round().long().clamp(0, 255)


def _moved(
    pixels: torch.Tensor,
    rows: tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]],
    mean: torch.Tensor,
) -> torch.Tensor:
    """Return images sampled at the positions of an affine map; ``mean`` beyond the border.

    rows: coefficients of the map's x and y on x, y and 1, (n,) each; coordinates from -1 to 1.
    """
    matrices = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    grid = F.affine_grid(matrices, list(pixels.shape), align_corners=False)
    sampled = F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return torch.where((grid.abs() <= 1).all(dim=3)[:, None], sampled, mean)
