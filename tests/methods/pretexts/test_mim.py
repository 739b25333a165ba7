from __future__ import annotations

import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.masked.masks import patchify, random_mask
from mood_sweeps.methods.pretexts.mim.declaration import Mim
from mood_sweeps.methods.pretexts.mim.objective import MimObjective, masked_error
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe


def objective(raw: object, shape: tuple[int, ...]) -> tuple[MimObjective, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.rand(3, *shape)
    task = choose("mim", PRETEXTS, "pretext").parameters
    return MimObjective(task, build(describe(choose_backbone(raw))), images), images


def test_the_loss_is_the_mean_square_over_hidden_patches_only() -> None:
    targets = torch.zeros(1, 3, 2)
    predicted = torch.tensor([[[1.0, 3.0], [100.0, 100.0], [2.0, 0.0]]])
    hidden = torch.tensor([[True, False, True]])
    assert masked_error(predicted, targets, hidden).item() == pytest.approx((5 + 2) / 2)


def test_a_prediction_does_not_depend_on_hidden_pixels() -> None:
    mim, images = objective("vit_nano", (1, 8, 8))
    hidden = random_mask(3, 16, 0.5, torch.Generator().manual_seed(1))
    seen = patchify(images, 2)
    seen[hidden] = 7.0
    changed = seen.reshape(3, 4, 4, 2, 2).permute(0, 1, 3, 2, 4).reshape(3, 1, 8, 8)
    torch.testing.assert_close(mim.predict(images, hidden), mim.predict(changed, hidden))
    visible = ~hidden
    assert not torch.allclose(
        mim.predict(images, visible), mim.predict(changed, visible), atol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vit_tiny_patch16_224", 32),
        ("deit_tiny_distilled_patch16_224", 32),
        ("eva02_tiny_patch14_224", 28),
        ("vit_relpos_small_patch16_224", 32),
    ],
)
def test_any_timm_vit_can_be_masked(name: str, size: int) -> None:
    mim, images = objective({name: {"image_size": size}}, (3, size, size))
    hidden = torch.tensor([[True, False, False, True]] * 3)
    predicted = mim.predict(images, hidden)
    assert predicted.shape == patchify(images, size // 2).shape
    loss = mim(images, torch.zeros(3, dtype=torch.int64), torch.Generator().manual_seed(0))
    loss.backward()
    assert mim.mask_token.grad is not None
    assert mim.mask_token.grad.abs().sum() > 0


def test_the_paper_preset_is_beits_recipe() -> None:
    task = Mim().with_preset((), is_nano=False)
    assert (task.epochs, task.batch_size, task.warmup * task.epochs) == (800, 2048, 10)
    assert (task.learning_rate, task.clip) == (1.5e-3, 3.0)
    (view,) = task.views()
    # torchvision's ColorJitter(0.4, 0.4, 0.4), for every image.
    assert (view.jitter, view.brightness, view.contrast, view.saturation) == (1.0, 0.4, 0.4, 0.4)
    assert view.hue == 0
