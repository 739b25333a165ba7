from __future__ import annotations

import pytest
import torch
from timm.utils import ModelEmaV3
from torch import nn

from mood_sweeps.errors import InputError
from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass
from mood_sweeps.methods.finetunes.multi_class.objective import MultiClassObjective
from mood_sweeps.methods.finetunes.supervised_objective import FinetuningObjective
from mood_sweeps.methods.pretexts.classification.objective import ClassificationObjective
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.objective import Objective
from tests.support.gpu_in_name import loss_on_gpu


def paths_of(network: nn.Module) -> list[float]:
    return [
        one.drop_prob
        for one in network.modules()
        if type(one).__name__ == "DropPath" and isinstance(one.drop_prob, float)
    ]


def of_vit(drop_path: float, ema: float = 0.0) -> FinetuningObjective:
    torch.manual_seed(0)
    network = build(describe(choose_backbone("vit_nano")), drop_path)
    inner = ClassificationObjective(network, 48, 3, 0.0)
    return FinetuningObjective(inner, drops_paths=drop_path > 0, ema=ema)


class Fixed(Objective):
    """Holds one weight and the statistics of a BatchNorm, to be set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.BatchNorm1d(1)
        self.head = nn.Linear(1, 1)

    def set(self, value: float, count: int) -> None:
        with torch.no_grad():
            for one in self.parameters():
                one.fill_(value)
        assert isinstance(self.network, nn.BatchNorm1d)
        assert self.network.running_mean is not None
        assert self.network.num_batches_tracked is not None
        self.network.running_mean.fill_(value)
        self.network.num_batches_tracked.fill_(count)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        raise NotImplementedError


def test_two_steps_of_the_average_by_hand() -> None:
    fixed = Fixed()
    fixed.set(1.0, 0)
    objective = FinetuningObjective(fixed, drops_paths=False, ema=0.9)
    fixed.set(2.0, 1)
    objective.after_step(0.5)
    fixed.set(4.0, 2)
    objective.after_step(1.0)
    # 1 → 0.9 · 1 + 0.1 · 2 = 1.1 → 0.9 · 1.1 + 0.1 · 4 = 1.39
    published = objective.published()
    assert published.head.weight.item() == pytest.approx(1.39)
    assert published.head.bias.item() == pytest.approx(1.39)
    assert published.network.weight.item() == pytest.approx(1.39)
    assert published.network.running_mean.item() == pytest.approx(1.39)
    assert published.network.num_batches_tracked.item() == 2
    assert objective.trained_network() is published.network
    assert fixed.head.weight.item() == 4.0


def test_timm_averages_the_same() -> None:
    torch.manual_seed(0)
    network = build(describe(choose_backbone("resnet_nano")))
    objective = FinetuningObjective(
        ClassificationObjective(network, 128, 3, 0.0), drops_paths=False, ema=0.7
    )
    theirs = ModelEmaV3(network, decay=0.7)
    for _ in range(3):
        network(torch.randn(4, 1, 8, 8))
        with torch.no_grad():
            for one in network.parameters():
                one.add_(torch.randn_like(one))
        objective.after_step(0.5)
        theirs.update(network)
    for name, value in theirs.module.state_dict().items():
        torch.testing.assert_close(objective.published().network.state_dict()[name], value)


def test_the_average_is_in_the_state_and_not_trained() -> None:
    objective = of_vit(0.0, ema=0.9)
    averaged = [name for name in objective.state_dict() if name.startswith("averaged.")]
    assert len(averaged) * 2 == len(objective.state_dict())
    trained = {name for name, one in objective.named_parameters() if one.requires_grad}
    assert not trained.intersection(averaged)
    plain = of_vit(0.0)
    assert not any(name.startswith("averaged.") for name in plain.state_dict())
    assert plain.published() is plain.inner


def test_blocks_are_skipped_in_training_only_and_more_often_higher_up() -> None:
    with_paths = of_vit(0.4).trained_network()
    assert paths_of(with_paths) == pytest.approx([0.2, 0.2, 0.4, 0.4])  # the first never is
    without = build(with_paths.description)
    assert paths_of(without) == []
    without.load_state_dict(with_paths.state_dict())
    images = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(with_paths.eval()(images), without.eval()(images))
        assert not torch.equal(with_paths.train()(images), without.train()(images))


def test_which_blocks_are_skipped_comes_from_the_generator_alone() -> None:
    objective = of_vit(0.5).train()
    images, labels = torch.randn(8, 1, 8, 8), torch.arange(8) % 3

    def loss(seed: int, whatever_ran_before: int) -> float:
        torch.manual_seed(whatever_ran_before)
        with torch.no_grad():
            return objective(images, labels, torch.Generator().manual_seed(seed)).item()

    assert loss(1, 10) == loss(1, 20)
    assert loss(1, 10) != loss(2, 10)


def test_an_architecture_that_cannot_skip_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="drop_path: densenet121 cannot skip blocks"):
        build(describe(choose_backbone("densenet121")), 0.1)


def test_views_and_losses_are_on_the_device_of_the_images() -> None:
    network = build(describe(choose_backbone("vit_nano")))
    view = MultiClass(erase=0.0).view()
    objective = MultiClassObjective(network, 48, 4, 0.1, view=view)
    loss = loss_on_gpu(objective)
    assert loss is not None
    assert loss.device.type == "cuda"
