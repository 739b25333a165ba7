from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pytorch_ood.loss import OutlierExposureLoss

from mood_sweeps.choice import Choice
from mood_sweeps.data import image_set
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods import choose_finetune
from mood_sweeps.methods.finetunes.outlier_exposure.objective import (
    OutlierExposureObjective,
    uniform_cross_entropy,
)
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.networks.timm_networks import describe
from mood_sweeps.training.augment.parameters import Augmentation, Window
from tests.support.method_cases import untrained

TRAIN = image_set("digits:0-5").open("train").take(np.arange(0, 541, 4))
FORM = describe(choose_backbone("vit_nano"))["input"]
OUTLIERS = image_set("digits:6-9").open("all").take(np.arange(0, 714, 36))


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    return untrained("vit_nano")


def stage_of(name: str, **parameters: object) -> Choice:
    (stage,) = choose_finetune({f"pt+{name}": {name: {"epochs": 2, **parameters}}})
    return stage


def exposing(**parameters: object) -> Choice:
    return stage_of("ft:outlier_exposure", **{"exposed": "digits:6-9", "k": 5, **parameters})


def same(one: Checkpoint, other: Checkpoint) -> bool:
    assert one.head is not None
    assert other.head is not None
    return (
        all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
        and np.array_equal(one.head.weight, other.head.weight)
        and one.curves == other.curves
    )


def test_the_loss_of_two_images_by_hand() -> None:
    # Of probabilities (½, ¼, ¼) the cross-entropy from (⅓, ⅓, ⅓) is (log 2 + 2 log 4) / 3; of
    # equal ones it is the least there is, log 3. A constant on all logits changes nothing.
    logits = torch.tensor([[math.log(2), 0.0, 0.0], [5.0, 5.0, 5.0]])
    by_hand = ((math.log(2) + 2 * math.log(4)) / 3 + math.log(3)) / 2
    assert uniform_cross_entropy(logits).item() == pytest.approx(by_hand)


class Flat(torch.nn.Module):
    """A network with the pixels themselves as features, which notes the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.description = {"input": FORM}
        self.shown: list[int] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.shown.append(len(images))
        return images.flatten(1)


def objective(weight: float, outliers: LabelledImages | None) -> OutlierExposureObjective:
    exposed = BatchLoader(outliers, FORM) if outliers else None
    view = Augmentation(window=Window())
    torch.manual_seed(0)
    made = OutlierExposureObjective(Flat(), 64, 6, 0.0, view=view, exposed=exposed, weight=weight)
    torch.nn.init.normal_(made.head.weight)
    return made


def loss(weight: float, outliers: LabelledImages | None) -> float:
    images = BatchLoader(TRAIN, FORM).take(torch.arange(12))
    made = objective(weight, outliers)
    return made(
        images, torch.from_numpy(TRAIN.labels[:12]), torch.Generator().manual_seed(3)
    ).item()


def test_a_batch_is_joined_by_as_many_outliers_or_all_there_are() -> None:
    images, labels = torch.zeros(12, 1, 8, 8), torch.zeros(12, dtype=torch.int64)
    for n_outliers, joined in ((20, 12), (12, 12), (5, 5)):
        made = objective(1.0, OUTLIERS.take(np.arange(n_outliers)))
        made(images, labels, torch.Generator())
        assert made.network.shown == [12 + joined]


def test_the_loss_is_that_of_pytorch_ood() -> None:
    outliers = OUTLIERS.take(np.arange(12))
    images = BatchLoader(TRAIN, FORM).take(torch.arange(12))
    labels = torch.from_numpy(TRAIN.labels[:12])
    made = objective(0.5, outliers)
    seen: list[torch.Tensor] = []
    made.head.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach()))
    ours = made(images, labels, torch.Generator().manual_seed(1)).item()
    # Its mean is over the images of both kinds, ours over each: the sums tell.
    summed = OutlierExposureLoss(alpha=0.5, reduction=None)
    each = summed(seen[0], torch.cat([labels, torch.full((12,), -1)]))
    assert ours == pytest.approx(each.sum().item() / 12, rel=1e-5)


def test_the_weight_is_a_factor_and_0_or_no_outliers_is_plain_cross_entropy() -> None:
    plain = loss(0.5, None)
    assert loss(0.0, OUTLIERS) == plain
    half, one, two = (loss(weight, OUTLIERS) for weight in (0.5, 1.0, 2.0))
    assert two - one == pytest.approx(2 * (one - half), rel=1e-4)
    assert one - half > 0.5 * math.log(6)


def test_k_0_is_plain_fine_tuning_to_the_bit() -> None:
    start = untrained("resnet_nano")  # its BatchNorm would show outliers that join a batch
    plain = finetune(stage_of("ft"), start, TRAIN, None, 0)
    assert same(plain, finetune(exposing(k=0), start, TRAIN, None, 0))
    assert same(plain, finetune(exposing(weight=0.0), start, TRAIN, None, 0, exposed=OUTLIERS))
    assert not same(plain, finetune(exposing(), start, TRAIN, None, 0, exposed=OUTLIERS))


def test_other_images_that_are_shown_are_another_training(start: Checkpoint) -> None:
    one, other = (
        finetune(exposing(), start, TRAIN, None, 0, exposed=OUTLIERS.take(shown))
        for shown in (np.arange(20), np.arange(1, 20))
    )
    assert not same(one, other)


def test_what_was_shown_is_less_certain_afterwards(start: Checkpoint) -> None:
    plain = finetune(stage_of("ft", epochs=12, batch_size=8), start, TRAIN, None, 0)
    exposed = finetune(exposing(epochs=12, batch_size=8), start, TRAIN, None, 0, exposed=OUTLIERS)

    def certainty(checkpoint: Checkpoint, images: LabelledImages) -> float:
        logits = extract(checkpoint, images).logits
        assert logits is not None
        return float(torch.from_numpy(logits).softmax(dim=1).max(dim=1).values.mean())

    assert certainty(exposed, OUTLIERS) < certainty(plain, OUTLIERS) - 0.05
