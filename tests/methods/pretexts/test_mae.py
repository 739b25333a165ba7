from __future__ import annotations

import math

import pytest
import torch

from mood_sweeps.choice import Choice, choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import InputError
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.mae.declaration import Mae
from mood_sweeps.methods.pretexts.mae.objective import MaeDecoder, MaeObjective, normalised
from mood_sweeps.methods.pretexts.masked.encoding import encode_visible
from mood_sweeps.methods.pretexts.masked.masks import patchify
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe


def objective(
    raw: object, shape: tuple[int, ...], task: Mae | None = None
) -> tuple[MaeObjective, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.rand(3, *shape)
    return MaeObjective.of(task or Mae(), build(describe(choose_backbone(raw))), images, 0), images


def mask(*visible: int, patches: int, count: int = 3) -> torch.Tensor:
    hidden = torch.ones(count, patches, dtype=torch.bool)
    hidden[:, list(visible)] = False
    return hidden


def repainted(images: torch.Tensor, where: torch.Tensor, patch: int) -> torch.Tensor:
    """Return the images with other pixels in the patches ``where`` (N, L)."""
    count, channels, side, _ = images.shape
    across = side // patch
    at = where.view(count, 1, across, across).repeat_interleave(patch, 2)
    at = at.repeat_interleave(patch, 3).expand(-1, channels, -1, -1)
    return torch.where(at, images + 5, images)


def test_the_encoder_sees_the_visible_patches_and_nothing_else() -> None:
    mae, images = objective("vit_nano", (1, 8, 8))
    hidden = mask(1, 6, 10, 15, patches=16)
    encoded = encode_visible(mae.network, images, hidden)
    assert encoded.shape == (3, 4, 48)
    assert torch.equal(encode_visible(mae.network, repainted(images, hidden, 2), hidden), encoded)
    other = encode_visible(mae.network, repainted(images, ~hidden, 2), hidden)
    assert not torch.allclose(other, encoded, atol=1e-2)


def test_the_blocks_run_on_the_visible_patches_only() -> None:
    mae, images = objective("vit_nano", (1, 8, 8))
    seen: list[torch.Size] = []
    mae.network.blocks[0].register_forward_hook(
        lambda _module, inputs, _output: seen.append(inputs[0].shape)
    )
    mae(images, torch.zeros(3), torch.Generator().manual_seed(0))
    assert seen == [(3, 4, 48)]  # a quarter of 16 patches


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"])
def test_nothing_hidden_is_the_networks_own_encoding(name: str) -> None:
    mae, images = objective({name: {"image_size": 32}}, (3, 32, 32))
    nothing = torch.zeros(3, 4, dtype=torch.bool)
    whole = mae.network.forward_features(images)
    assert torch.equal(encode_visible(mae.network, images, nothing), whole)


def test_a_visible_patch_keeps_its_position() -> None:
    mae, images = objective("vit_nano", (1, 8, 8))
    same = torch.full_like(images, 0.3)
    first, second = (encode_visible(mae.network, same, mask(at, patches=16)) for at in (2, 9))
    assert not torch.allclose(first, second, atol=1e-2)


def test_the_loss_is_the_mean_square_over_hidden_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Mae(mask_ratio=0.5, normalise=False)
    mae, _ = objective({"vit_nano": {"patch_size": 4}}, (1, 8, 8), task)
    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, :4, :4] = 1.0
    images[0, 0, 4:, 4:] = 3.0
    hidden = torch.tensor([[True, False, False, True]])
    monkeypatch.setattr("mood_sweeps.methods.pretexts.mae.objective.random_mask", lambda *_: hidden)
    torch.nn.init.zeros_(mae.decoder.predict.weight)
    torch.nn.init.constant_(mae.decoder.predict.bias, 2.0)
    loss = mae(images, torch.zeros(1), torch.Generator())
    assert loss.item() == pytest.approx(((2 - 1) ** 2 + (2 - 3) ** 2) / 2)


def test_targets_are_normalised_patch_by_patch() -> None:
    patches = torch.tensor([[[1.0, 3.0, 1.0, 3.0], [0.5] * 4, [0.0, 0.0, 0.0, 8.0]]])
    up, down = math.sqrt(3), -1 / math.sqrt(3)  # 8 and 0 about 2, the deviation being √12
    expected = torch.tensor([[[-1.0, 1.0, -1.0, 1.0], [0.0] * 4, [down, down, down, up]]])
    torch.testing.assert_close(normalised(patches), expected, atol=1e-5, rtol=0)


def test_normalised_targets_are_what_the_loss_compares_with() -> None:
    plain, images = objective("vit_nano", (1, 8, 8), Mae(normalise=False))
    scaled, _ = objective("vit_nano", (1, 8, 8), Mae(normalise=True))
    brighter = 3 * images + 1

    def losses(mae: MaeObjective) -> list[float]:
        torch.nn.init.zeros_(mae.decoder.predict.weight)
        given = (images, brighter)
        return [mae(one, torch.zeros(3), torch.Generator().manual_seed(0)).item() for one in given]

    assert losses(scaled) == pytest.approx([1.0, 1.0], rel=1e-3)
    assert losses(plain)[1] > 5 * losses(plain)[0]


def test_mask_tokens_stand_where_patches_are_hidden() -> None:
    decoder = MaeDecoder(3, 2, 2, 1, width=8, depth=1, heads=2)
    arrived: list[torch.Tensor] = []
    decoder.blocks.register_forward_pre_hook(lambda _module, inputs: arrived.append(inputs[0]))
    encoded = torch.randn(2, 3, 3)  # a class token, two visible patches
    hidden = torch.tensor([[True, False, True, False], [False, False, True, True]])
    assert decoder(encoded, hidden).shape == (2, 4, 2)
    token, embedded = decoder.mask_token, decoder.embed(encoded)
    rows = [
        [embedded[0, 0], token, embedded[0, 1], token, embedded[0, 2]],
        [embedded[1, 0], embedded[1, 1], embedded[1, 2], token, token],
    ]
    places = torch.cat([torch.zeros(1, 1, 8), decoder.positions], dim=1)
    expected = torch.stack([torch.stack(row) for row in rows]) + places
    torch.testing.assert_close(arrived[0], expected)


@pytest.mark.parametrize(
    ("raw", "shape", "ratio", "hidden"),
    [
        ("vit_nano", (1, 8, 8), 0.75, 12),
        ({"vit_nano": {"image_size": 96, "channels": 3, "patch_size": 8}}, (3, 96, 96), 0.75, 108),
        ({"vit_tiny_patch16_224": {"image_size": 32}}, (3, 32, 32), 0.5, 2),
        ({"deit_tiny_distilled_patch16_224": {"image_size": 64}}, (3, 64, 64), 0.75, 12),
        ({"vit_small_patch14_reg4_dinov2": {"image_size": 56}}, (3, 56, 56), 0.6, 10),
        ({"test_vit": {"image_size": 64, "channels": 1}}, (1, 64, 64), 0.75, 12),
    ],
)
def test_a_step_of_any_plain_vit_reaches_encoder_and_decoder(
    raw: object, shape: tuple[int, ...], ratio: float, hidden: int
) -> None:
    mae, images = objective(raw, shape, Mae(mask_ratio=ratio, decoder_depth=2))
    decoded: list[torch.Tensor] = []
    mae.decoder.register_forward_pre_hook(lambda _module, inputs: decoded.append(inputs[1]))
    mae(images, torch.zeros(3), torch.Generator().manual_seed(0)).backward()
    assert decoded[0].sum(dim=1).tolist() == [hidden] * 3
    assert mae.predict(images, decoded[0]).shape == patchify(images, mae.patch).shape
    untouched = {
        name
        for name, parameter in mae.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    }
    # The norm of pooled features comes after what is trained here.
    assert untouched <= {"network.fc_norm.weight", "network.fc_norm.bias"}


def test_the_papers_crops_are_what_is_encoded_and_predicted() -> None:
    mae, images = objective({"vit_tiny_patch16_224": {"image_size": 32}}, (3, 32, 32))
    plain, cropped = Mae(), Mae(augmentation="paper")
    flat = images.mean(dim=(2, 3), keepdim=True).expand_as(images)

    def loss(task: Mae, images: torch.Tensor) -> float:
        mae.task = task
        return mae(images, torch.zeros(3), torch.Generator().manual_seed(0)).item()

    assert loss(cropped, images) != pytest.approx(loss(plain, images), rel=1e-3)
    # Of an image of one colour every crop is the same; only the mask is another one.
    assert loss(cropped, flat) == pytest.approx(loss(plain, flat), rel=0.2)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"decoder_width": 30}, "multiple of 4 and of"),
        ({"decoder_width": 32, "decoder_heads": 3}, "multiple of 4 and of"),
        ({"mask_ratio": 1.0}, "less than 1"),
        ({"decoder_depth": 0}, "greater than 0"),
        ({"normalize": True}, "did you mean 'normalise'"),
    ],
)
def test_bad_values_are_refused(raw: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose({"mae": raw}, PRETEXTS, "pretext")


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("beit_base_patch16_224", "'mae' feeds the backbone visible patches only; 'beit_base"),
        ("resnet_nano", "'mae' trains backbones of family vit; 'resnet_nano' is cnn"),
    ],
)
def test_backbones_it_cannot_train_are_refused(backbone: str, message: str) -> None:
    task: Choice = choose("mae", PRETEXTS, "pretext")
    corpus = image_set("digits:0-5").open("train")
    with pytest.raises(InputError, match=message):
        pretrain(task, choose_backbone(backbone), corpus, 0)


def test_the_paper_preset_is_the_papers_recipe() -> None:
    task = Mae().with_preset((), is_nano=False)
    assert (task.epochs, task.batch_size, task.warmup * task.epochs) == (800, 4096, 40)
    assert task.learning_rate * task.batch_size / task.base_batch_size == pytest.approx(2.4e-3)
    assert (task.decoder_depth, task.decoder_width, task.beta2) == (8, 512, 0.95)
    assert task.normalise
