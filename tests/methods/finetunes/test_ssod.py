from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.methods.finetunes.ssod.objective import (
    SSODObjective,
    detector_loss,
    pooled_and_positions,
    split_patches,
)
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe, feature_width


def logits_of(confidence: float) -> list[float]:
    """Logits of two classes of which the first has this confidence."""
    return [math.log(confidence), math.log(1 - confidence)]


# A 2×2 map of one image of class 0: sure of it, sure of the opposite, unsure twice.
MAP = torch.tensor([[logits_of(c) for c in (0.97, 0.02, 0.5, 0.9)]])
LABEL = torch.tensor([0])


def test_a_two_by_two_map_by_hand() -> None:
    is_id, is_ood = split_patches(MAP, LABEL, 0.95)
    assert is_id.tolist() == [[True, False, False, False]]
    assert is_ood.tolist() == [[False, True, False, False]]
    detected = torch.tensor([[2.0, -1.0, 50.0, -50.0]])
    by_hand = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))
    assert detector_loss(detected, is_id, is_ood).item() == pytest.approx(by_hand)


def test_the_class_that_counts_is_the_images_own() -> None:
    is_id, is_ood = split_patches(MAP, torch.tensor([1]), 0.95)
    assert is_id.tolist() == [[False, True, False, False]]
    assert is_ood.tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(
    ("gamma", "id_count", "ood_count"), [(0.5, 3, 1), (0.95, 1, 1), (0.99, 0, 0), (1.0, 0, 0)]
)
def test_gamma_between_its_ends(gamma: float, id_count: int, ood_count: int) -> None:
    is_id, is_ood = split_patches(MAP, LABEL, gamma)
    assert (int(is_id.sum()), int(is_ood.sum())) == (id_count, ood_count)


def test_at_gamma_1_only_certainty_counts() -> None:
    certain = torch.tensor([[[200.0, -200.0], [-200.0, 200.0]]])
    is_id, is_ood = split_patches(certain, LABEL, 1.0)
    assert is_id.tolist() == [[True, False]]
    assert is_ood.tolist() == [[False, True]]


def test_each_side_is_averaged_by_itself_and_an_empty_one_counts_nothing() -> None:
    detected = torch.tensor([[1.0, 3.0, -2.0, 0.0]], requires_grad=True)
    one_id = torch.tensor([[True, False, False, False]])
    three_ood = ~one_id
    none = torch.zeros_like(one_id)
    loss = detector_loss(detected, one_id, three_ood)
    expected = F.binary_cross_entropy_with_logits(
        torch.tensor(1.0), torch.tensor(1.0)
    ) + F.binary_cross_entropy_with_logits(torch.tensor([3.0, -2.0, 0.0]), torch.zeros(3))
    assert loss.item() == pytest.approx(expected.item())
    only = detector_loss(detected, one_id, none)
    assert only.item() == pytest.approx(math.log(1 + math.exp(-1)))
    neither = detector_loss(detected, none, none)
    assert neither.item() == 0
    neither.backward()  # type: ignore[no-untyped-call]
    assert detected.grad is not None


@pytest.mark.parametrize("backbone", ["vit_nano", "resnet_nano"])
def test_the_pooled_features_are_the_networks_and_the_mean_of_the_positions(backbone: str) -> None:
    network = build(describe(choose_backbone(backbone))).eval()
    images = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        pooled, positions = pooled_and_positions(network, images)
        assert torch.equal(pooled, network(images))
    assert positions.shape[0] == 3
    assert positions.shape[2] == pooled.shape[1]
    if backbone == "resnet_nano":
        torch.testing.assert_close(positions.mean(dim=1), pooled)


def test_alpha_0_is_plain_cross_entropy_and_leaves_the_detector_alone() -> None:
    torch.manual_seed(0)
    network = build(describe(choose_backbone("resnet_nano"))).eval()
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    width = feature_width(network, images)
    objective = SSODObjective(network, width, 3, alpha=0.0, gamma=0.95, smoothing=0.0)
    objective(images, labels, torch.Generator()).backward()
    assert objective.detector.weight.grad is None
    assert objective.head.weight.grad is not None


def test_the_sampler_passes_no_gradient_to_the_classifier() -> None:
    torch.manual_seed(0)
    network = build(describe(choose_backbone("resnet_nano"))).eval()
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    width = feature_width(network, images)
    gradients = []
    for alpha in (0.0, 2.0):
        torch.manual_seed(1)
        objective = SSODObjective(network, width, 3, alpha=alpha, gamma=0.6, smoothing=0.0)
        torch.nn.init.normal_(objective.head.weight)
        objective(images, labels, torch.Generator().manual_seed(0)).backward()
        gradients.append(objective.head.weight.grad)
    torch.testing.assert_close(*gradients)
    assert objective.detector.weight.grad is not None
    assert objective.detector.weight.grad.abs().sum() > 0
