"""Losses on a GPU that is not there: torch computes shapes and devices only, and refuses to mix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from mood_sweeps.choice import choose
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass
from mood_sweeps.methods.finetunes.multi_class.objective import MultiClassObjective
from mood_sweeps.methods.pretexts.mim import objective as mim
from mood_sweeps.methods.pretexts.objectives import objective_of
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe, features_of
from mood_sweeps.training.objective import Objective

CLASSES = 4


def objective(pretext: str, backbone: str) -> Objective:
    network = build(describe(choose_backbone(backbone)))
    form = network.description["input"]
    example = torch.zeros(2, form["channels"], form["size"], form["size"])
    if pretext == "ft":
        width = features_of(network, example)
        view = MultiClass(erase=0.0).view()
        return MultiClassObjective(network, width, CLASSES, 0.1, view=view)
    task: Any = choose(pretext, PRETEXTS, "pretext").parameters
    return objective_of(task, network, example, CLASSES)


def move(moved: Objective, mode: FakeTensorMode) -> None:
    """Move parameters and buffers to a GPU as ``to`` would, in name."""

    def there(tensor: torch.Tensor) -> torch.Tensor:
        fake = mode.from_tensor(tensor.detach(), static_shapes=True)
        with mode:
            return fake.to("cuda")

    for module in moved.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                learns = parameter.requires_grad
                module._parameters[name] = torch.nn.Parameter(there(parameter), learns)
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else there(buffer)


@pytest.mark.parametrize(
    ("pretext", "backbone"),
    [
        ("classification", "vit_nano"),
        ("classification", "resnet_nano"),
        ("mim", "vit_nano"),
        ("simmim", "vit_nano"),
        ("mocov3", "vit_nano"),
        ("mocov3", "resnet_nano"),
        ("dino", "vit_nano"),
        ("dino", "resnet_nano"),
        ("ft", "vit_nano"),
    ],
)
def test_what_is_drawn_on_the_cpu_goes_where_the_images_are(
    pretext: str, backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_mask = mim.block_mask

    def drawn(*arguments: Any) -> torch.Tensor:
        with unset_fake_temporarily():  # it looks at what it draws
            return block_mask(*arguments[:-1], torch.Generator())

    monkeypatch.setattr(mim, "block_mask", drawn)
    asked = objective(pretext, backbone)
    form = asked.network.description["input"]  # type: ignore[union-attr,index]
    mode = FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv())
    move(asked, mode)
    with mode:
        images = torch.zeros(4, form["channels"], form["size"], form["size"], device="cuda")  # type: ignore[index]
        labels = torch.zeros(4, dtype=torch.int64, device="cuda")
        asked.before_step(0.0)
        loss = asked(images, labels, torch.Generator())
        asked.after_step(0.5)
    assert loss.device.type == "cuda"
    assert loss.requires_grad
