from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.auto_augment import _RAND_INCREASING_TRANSFORMS, NAME_TO_OP

from mood_sweeps.training.augment.parameters import RandAugment
from mood_sweeps.training.augment.rand_augment import CHANGES, rand_augmented

SIDE = 32
MEAN = torch.tensor([0.5, 0.25, 0.75]).view(1, 3, 1, 1)
FILL = (128, 64, 191)

# By hand, what timm's functions are given at magnitude 9 of 10 by its levels "increasing".
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "AutoContrast": (),
    "Equalize": (),
    "Invert": (),
    "Rotate": (27.0,),
    "PosterizeIncreasing": (1,),  # 4 - 3 bits
    "SolarizeIncreasing": (26,),  # 256 - 230
    "SolarizeAdd": (99,),
    "ColorIncreasing": (1.81,),
    "ContrastIncreasing": (1.81,),
    "BrightnessIncreasing": (1.81,),
    "SharpnessIncreasing": (1.81,),
    "ShearX": (0.27,),
    "ShearY": (0.27,),
    "TranslateXRel": (0.405,),
    "TranslateYRel": (0.405,),
}
DIRECTED = [name for name, given in ARGUMENTS.items() if given and isinstance(given[0], float)]
GEOMETRIC = ("Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")


def picture(channels: int = 3) -> np.ndarray[Any, Any]:
    """Return a smooth picture with some contrast: uint8 (SIDE, SIDE, channels)."""
    random = np.random.RandomState(0)
    coarse = Image.fromarray(random.randint(20, 220, (6, 6, 3)).astype(np.uint8))
    fine = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return fine[..., :channels]


def ours(name: str, strength: float, channels: int = 3) -> np.ndarray[Any, Any]:
    pixels = torch.from_numpy(picture(channels).copy()).permute(2, 0, 1)[None].float() / 255
    changed = CHANGES[name](pixels, torch.tensor([strength]), MEAN[:, :channels])
    assert changed.shape == pixels.shape
    return (changed[0].permute(1, 2, 0) * 255).numpy()


def theirs(name: str, arguments: tuple[Any, ...], channels: int = 3) -> np.ndarray[Any, Any]:
    image = Image.fromarray(picture(channels).squeeze())
    fill: Any = FILL if channels == 3 else FILL[0]
    changed = NAME_TO_OP[name](
        image, *arguments, fillcolor=fill, resample=Image.Resampling.BILINEAR
    )
    return np.asarray(changed, dtype=np.float32).reshape(SIDE, SIDE, channels)


def test_the_changes_are_timms() -> None:
    assert list(CHANGES) == _RAND_INCREASING_TRANSFORMS


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_change_is_timms(name: str, channels: int) -> None:
    directions = [1, -1] if name in DIRECTED else [1]
    for direction in directions:
        arguments = ARGUMENTS[name]
        if direction < 0:
            given = arguments[0]
            arguments = (2 - given if name.endswith("Increasing") else -given,)
        # PIL turns against the clock, an affine map of where pixels are read with it.
        found = ours(name, 0.9 * direction, channels)
        wanted = theirs(name, arguments, channels)
        away = np.abs(found - wanted)
        # PIL rounds to whole levels on the way, and reads places in fixed point.
        assert away.mean() < (0.8 if name in GEOMETRIC else 0.7), (name, direction)
        assert np.quantile(away, 0.98) <= (3 if name in GEOMETRIC else 2), (name, direction)


@pytest.mark.parametrize("name", ["PosterizeIncreasing", "SolarizeIncreasing", "SolarizeAdd"])
@pytest.mark.parametrize("magnitude", [0, 3, 6, 9])
def test_a_higher_magnitude_changes_more(name: str, magnitude: int) -> None:
    arguments = {
        "PosterizeIncreasing": {0: 4, 3: 3, 6: 2, 9: 1},
        "SolarizeIncreasing": {0: 256, 3: 180, 6: 103, 9: 26},
        "SolarizeAdd": {0: 0, 3: 33, 6: 66, 9: 99},
    }
    wanted = theirs(name, (arguments[name][magnitude],))
    np.testing.assert_allclose(ours(name, magnitude / 10), wanted, atol=0.01)


def test_at_10_no_bit_is_kept() -> None:
    assert ours("PosterizeIncreasing", 1.0).max() == 0  # timm asks PIL for 0 bits, which refuses


def test_flat_and_two_valued_channels_are_safe() -> None:
    flat = torch.full((1, 1, 8, 8), 0.4)
    two = flat.clone()
    two[..., :4] = 0.8
    for name in ("AutoContrast", "Equalize"):
        strength = torch.tensor([0.9])
        torch.testing.assert_close(CHANGES[name](flat, strength, MEAN[:, :1]), flat)
        changed = CHANGES[name](two, strength, MEAN[:, :1])
        image = Image.fromarray((two[0, 0] * 255).round().byte().numpy())
        wanted = np.asarray(NAME_TO_OP[name](image), dtype=np.float32)
        np.testing.assert_allclose(changed[0, 0].numpy() * 255, wanted, atol=1.0)


def gray(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def drawn(count: int, ops: int, seed: int = 0) -> torch.Tensor:
    how = RandAugment(magnitude=9.0, ops=ops, spread=0.5)
    generator = torch.Generator().manual_seed(seed)
    return rand_augmented(gray(count), how, torch.full((1, 1, 1, 1), 0.5), generator)


def test_each_image_gets_changes_of_its_own_half_of_the_time() -> None:
    changed = (drawn(3000, 1) != gray(3000)).flatten(1).any(dim=1).float().mean().item()
    # Two of fifteen do nothing here: gray has no saturation, and PIL's rule for equalising needs
    # 256 pixels.
    assert changed == pytest.approx(0.5 * 13 / 15, abs=0.03)
    twice = (drawn(3000, 2) != gray(3000)).flatten(1).any(dim=1).float().mean().item()
    assert twice == pytest.approx(1 - (1 - 0.5 * 13 / 15) ** 2, abs=0.03)


def test_pixels_stay_pixels() -> None:
    changed = drawn(500, 4)
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_randomness_comes_from_the_generator_alone() -> None:
    torch.manual_seed(1)
    first = drawn(16, 2)
    torch.manual_seed(2)
    assert torch.equal(first, drawn(16, 2))
    assert not torch.equal(first, drawn(16, 2, seed=1))
