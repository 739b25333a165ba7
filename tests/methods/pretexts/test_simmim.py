from __future__ import annotations

import pytest
import torch

from mood_sweeps.methods.pretexts.masked.masks import patchify
from mood_sweeps.methods.pretexts.simmim.declaration import SimMim
from mood_sweeps.methods.pretexts.simmim.objective import SimMimObjective, random_squares
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe


def objective(
    raw: object, shape: tuple[int, ...], task: SimMim | None = None
) -> tuple[SimMimObjective, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.rand(3, *shape)
    network = build(describe(choose_backbone(raw)))
    return SimMimObjective.of(task or SimMim(), network, images, 0), images


@pytest.mark.parametrize(
    ("side", "square", "ratio", "hidden"),
    [(4, 2, 0.5, 8), (4, 1, 0.6, 10), (14, 2, 0.6, 29 * 4), (4, 4, 0.6, 16)],
)
def test_the_share_of_hidden_squares_is_exact(
    side: int, square: int, ratio: float, hidden: int
) -> None:
    mask = random_squares(100, side, square, ratio, torch.Generator().manual_seed(0))
    assert mask.shape == (100, side**2)
    assert mask.sum(dim=1).unique().tolist() == [hidden]


def test_squares_are_hidden_as_a_whole() -> None:
    mask = random_squares(50, 6, 2, 0.6, torch.Generator().manual_seed(0))
    squares = mask.view(50, 3, 2, 3, 2).permute(0, 1, 3, 2, 4).reshape(50, 9, 4)
    assert torch.equal(squares.all(dim=2), squares.any(dim=2))
    assert mask.float().mean(dim=0).max() < 1  # and not always the same ones


def test_squares_that_do_not_fill_the_image_are_cut() -> None:
    mask = random_squares(200, 5, 2, 0.6, torch.Generator().manual_seed(0)).view(200, 5, 5)
    shares = mask.float().mean(dim=0)
    assert shares.min() > 0.4  # 5 of 9 squares, wherever
    assert shares.max() < 0.7
    assert torch.equal(mask[:, 0, :4:2], mask[:, 1, 1:4:2])


@pytest.mark.parametrize(
    ("raw", "pixels", "square"),
    [
        ({"vit_tiny_patch16_224": {"image_size": 64}}, 32, 2),
        ({"vit_small_patch14_dinov2": {"image_size": 56}}, 32, 2),
        ({"vit_nano": {"image_size": 32, "patch_size": 8}}, 32, 4),
        ("vit_nano", 1, 1),
    ],
)
def test_squares_are_a_number_of_pixels_wide(raw: object, pixels: int, square: int) -> None:
    form = describe(choose_backbone(raw))["input"]
    shape = (form["channels"], form["size"], form["size"])
    assert objective(raw, shape, SimMim(mask_patch_size=pixels))[0].square == square


def test_the_loss_is_the_mean_distance_over_hidden_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    simmim, _ = objective({"vit_nano": {"patch_size": 4}}, (1, 8, 8))
    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, :4, :4] = 1.0
    images[0, 0, 4:, 4:] = 6.0
    hidden = torch.tensor([[True, False, False, True]])
    monkeypatch.setattr(
        "mood_sweeps.methods.pretexts.simmim.objective.random_squares", lambda *_: hidden
    )
    torch.nn.init.zeros_(simmim.decoder.weight)
    torch.nn.init.constant_(simmim.decoder.bias, 2.0)
    loss = simmim(images, torch.zeros(1), torch.Generator())
    assert loss.item() == pytest.approx(((2 - 1) + (6 - 2)) / 2)


def test_a_prediction_does_not_depend_on_hidden_pixels() -> None:
    simmim, images = objective("vit_nano", (1, 8, 8))
    hidden = torch.zeros(3, 16, dtype=torch.bool)
    hidden[:, 0] = True
    changed = images.clone()
    changed[:, :, :2, :2] += 5
    predicted = simmim.pixels(images, hidden)
    assert torch.equal(simmim.pixels(changed, hidden), predicted)
    assert not torch.allclose(simmim.pixels(changed, ~hidden), predicted, atol=1e-2)


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        ("vit_nano", (1, 8, 8)),
        ({"vit_nano": {"image_size": 96, "channels": 3, "patch_size": 8}}, (3, 96, 96)),
        ({"vit_tiny_patch16_224": {"image_size": 64}}, (3, 64, 64)),
        ({"deit_tiny_distilled_patch16_224": {"image_size": 64}}, (3, 64, 64)),
        ({"eva02_tiny_patch14_224": {"image_size": 56}}, (3, 56, 56)),
        ({"vit_relpos_small_patch16_224": {"image_size": 64}}, (3, 64, 64)),
    ],
)
def test_a_step_of_any_vit_reaches_every_part(raw: object, shape: tuple[int, ...]) -> None:
    simmim, images = objective(raw, shape)
    loss = simmim(images, torch.zeros(3), torch.Generator().manual_seed(0))
    loss.backward()
    embedding = simmim.network.patch_embed.parameters()
    for part in (simmim.mask_token, simmim.decoder.weight, *embedding):
        assert part.grad is not None
        assert part.grad.any()
    hidden = random_squares(3, simmim.side, simmim.square, 0.6, torch.Generator().manual_seed(0))
    assert simmim.pixels(images, hidden).shape == patchify(images, simmim.patch).shape


def test_the_paper_preset_is_the_authors_recipe() -> None:
    task = SimMim().with_preset((), is_nano=False)
    assert (task.mask_ratio, task.mask_patch_size, task.warmup * task.epochs) == (0.6, 32, 10)
    assert task.learning_rate * task.batch_size / task.base_batch_size == pytest.approx(4e-4)
