"""Our training loop against a bare PyTorch and timm loop: images per second.

    python benchmarks/training.py [--rounds 9] [--device cuda]

Same network, same images in memory, same batches, fused AdamW with warm-up and cosine, same
augmentation, in the same process by turns; on a CPU with one thread and in CPU seconds. Ours runs
as `pretrain` runs it: deterministic algorithms, its own random streams, checks for a loss that is
not finite, a state that could be kept. Goal: ours ÷ bare ≥ 0.95. On a GPU: ViT-B/16 at 224 px in
bf16.

The bare loop of `mim` takes its loss from the same module: there it is the loop alone that is
compared. Under two minutes on a CPU.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F  # noqa: N812
from side_by_side import HEADER, clock_of, line_of, machine, side_by_side
from torch import nn

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.data.image_set import ImageArray, LabelledImages
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.augment.random_views import random_view
from mood_sweeps.training.loop import train

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class Case:
    """A pretext task with its recipe, a backbone and images."""

    name: str
    pretext: dict[str, dict[str, Any]]
    backbone: str
    images: LabelledImages


def noise(count: int, size: int) -> ImageArray:
    """Return colour images of noise: what they show costs nothing."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    ids = tuple(map(str, range(count)))
    return ImageArray(pixels, np.arange(count) % 10, tuple(map(str, range(10))), ids)


def cases(device: torch.device) -> list[Case]:
    """Return what is measured on a device."""
    if device.type == "cuda":
        recipe = {"epochs": 2, "batch_size": 128, "precision": "bf16"}
        base = "vit_base_patch16_224"
        images = noise(2560, 224)
        return [
            Case(f"{name}, {base}, bf16", {name: recipe}, base, images)
            for name in ("classification", "mim")
        ]
    digits = image_set("digits:0-5").open("train")
    nano, tiny = {"epochs": 3, "batch_size": 32}, {"epochs": 1, "batch_size": 8}
    return [
        Case("classification, vit_nano, 8 px", {"classification": nano}, "vit_nano", digits),
        Case("mim, vit_nano, 8 px", {"mim": nano}, "vit_nano", digits),
        Case(
            "classification, vit_tiny_patch16_224, 224 px",
            {"classification": tiny},
            "vit_tiny_patch16_224",
            noise(16, 224),
        ),
    ]


def measure(case: Case, device: torch.device, rounds: int) -> str:
    """Return a line of the table."""
    choice, backbone = choose(case.pretext, PRETEXTS, "pretext"), choose_backbone(case.backbone)
    recipe: Any = choice.parameters
    description = describe(backbone)
    images = BatchLoader(case.images, description["input"], device)
    whole = images.take(torch.arange(len(images)))
    labels = torch.from_numpy(case.images.labels)
    classes = len(case.images.class_names)

    def objective() -> Any:
        torch.manual_seed(0)
        network = build(description)
        return objective_of(recipe, network, whole[:2].cpu(), classes).to(device)

    def ours() -> None:
        with reproducible(0, "benchmark"):
            train(mine, images, labels, recipe, seed=0, kind="benchmark")

    def bare() -> None:
        bare_loop(his, whole, labels.to(device), recipe)

    mine = objective()
    his: Any = objective()
    if "classification" in case.pretext:
        his = BareClassifier(description, classes, recipe.label_smoothing).to(device)
    seen = recipe.epochs * (len(images) // recipe.batch_size) * recipe.batch_size
    return line_of(case.name, side_by_side(ours, bare, seen, rounds, clock_of(device)))


class BareClassifier(nn.Module):
    """A timm network with its own head, as its tutorial makes it."""

    def __init__(self, description: dict[str, Any], classes: int, smoothing: float) -> None:
        super().__init__()
        self.network = bare_network(description, classes)
        self.smoothing = smoothing

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        logits = self.network(random_view(images, generator))
        return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)


def bare_network(description: dict[str, Any], classes: int) -> Any:
    """Return the timm network of a description; without classes, it returns pooled features."""
    options = {k: v for k, v in description["options"].items() if k != "sincos_positions"}
    channels = description["input"]["channels"]
    return timm.create_model(description["timm"], num_classes=classes, in_chans=channels, **options)


def bare_loop(model: Any, images: torch.Tensor, labels: torch.Tensor, recipe: Any) -> None:
    """Train as one would in a notebook."""
    batch, generator = recipe.batch_size, torch.Generator().manual_seed(0)
    steps = len(images) // batch
    total = steps * recipe.epochs
    optimizer = torch.optim.AdamW(
        [one for one in model.parameters() if one.requires_grad],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        betas=(0.9, recipe.beta2),
        fused=True,
    )
    warm = max(1, round(recipe.warmup * total))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / warm, (1 + math.cos(math.pi * max(0, step - warm) / total)) / 2
        ),
    )
    model.train()
    for _ in range(recipe.epochs):
        mean = torch.zeros((), device=images.device)
        shuffled = torch.randperm(len(images), generator=generator)
        for chosen in torch.split(shuffled[: steps * batch], batch):
            chosen = chosen.to(images.device)
            optimizer.zero_grad()
            with torch.autocast(
                images.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"
            ):
                loss = model(images[chosen], labels[chosen], generator)
            loss.backward()
            optimizer.step()
            schedule.step()
            mean += loss.detach() / steps
        mean.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    print(machine(device))
    print(HEADER)
    for case in cases(device):
        print(measure(case, device, arguments.rounds), flush=True)
    print(machine(device))


if __name__ == "__main__":
    main()
