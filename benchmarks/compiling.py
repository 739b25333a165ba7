"""What ``compile: true`` costs and gives: the first step, then a step without and with it.

    python benchmarks/compiling.py [--steps 30] [--device cuda]

Steps are the training loop's own (``Stepper``), deterministic algorithms on; on a CPU with one
thread, in CPU seconds, compilers that were started included. The first step is with what was
compiled for the cases above it, after a network of another shape: the import of the compiler is not
in it. No goal: whether it pays is for the reader to see. On a GPU: ViT-B/16 and ResNet-50 at 224 px
in bf16. Three minutes on a CPU.
"""

from __future__ import annotations

import argparse
import copy
import os
import resource
import statistics
import tempfile
import time
from dataclasses import replace
from typing import Any

import torch
from side_by_side import machine

from mood_sweeps.choice import choose
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.optimiser_step import Stepper

ON_CPU: list[tuple[str, Any, int, int]] = [
    # pretext task, backbone, batch, pixels
    ("classification", "vit_nano", 32, 8),
    ("mocov3", "resnet_nano", 64, 8),
    ("classification", "vit_tiny_patch16_224", 8, 224),
    ("mim", "vit_tiny_patch16_224", 8, 224),
    ("classification", "resnet18", 8, 224),
]
ON_GPU: list[tuple[str, Any, int, int]] = [
    ("classification", "vit_base_patch16_224", 128, 224),
    ("mim", "vit_base_patch16_224", 128, 224),
    ("classification", "resnet50", 128, 224),
]


def now(device: torch.device) -> float:
    """Return CPU seconds of this process and of its children, on a GPU wall seconds."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    both = (resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


class Steps:
    """Steps of one training, on one batch of noise."""

    def __init__(self, objective: Any, recipe: Any, batch: int, device: torch.device) -> None:
        self._stepper = Stepper(objective.train(), recipe)
        form = objective.network.description["input"]
        shape = (batch, form["channels"], form["size"], form["size"])
        self._images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
        self._labels = torch.arange(batch, device=device) % 10
        self._noise = torch.Generator().manual_seed(0)
        self._device = device

    def seconds(self) -> float:
        """Take a step, return how long it took."""
        began = now(self._device)
        self._stepper.objective.before_step(0.5)
        self._stepper.step(self._images, self._labels, self._noise, 1e-4)
        return now(self._device) - began


def measure(case: tuple[str, Any, int, int], device: torch.device, steps: int) -> str:
    """Return a line of the table."""
    pretext, name, batch, size = case
    precision = "bf16" if device.type == "cuda" else "fp32"
    given = {"batch_size": batch, "precision": precision}
    recipe: Any = choose({pretext: given}, PRETEXTS, "pretext").parameters
    description = describe(choose_backbone(name))
    torch.manual_seed(0)
    channels = description["input"]["channels"]
    example = torch.zeros(2, channels, size, size)
    plain = objective_of(recipe, build(description), example, 10).to(device)
    compiled = Steps(copy.deepcopy(plain), replace(recipe, compile=True), batch, device)
    as_it_is = Steps(plain, recipe, batch, device)
    first = compiled.seconds()
    as_it_is.seconds()
    took: dict[Steps, list[float]] = {as_it_is: [], compiled: []}
    for number in range(steps):
        for one in (as_it_is, compiled) if number % 2 else (compiled, as_it_is):
            took[one].append(one.seconds())
    without, with_it = (statistics.median(took[one]) for one in (as_it_is, compiled))
    return (
        f"| {pretext}, {name}, batch {batch}, {precision} | {first:.1f} | {1e3 * without:.1f} "
        f"| {1e3 * with_it:.1f} | {without / with_it:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    # Compilers that run side by side with this process are not among its children's CPU seconds.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as cache, reproducible(0, "benchmark"):
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        measure(("classification", {"vit_nano": {"width": 24}}, 4, 8), device, 1)
        print(machine(device))
        print("| case | first step, s | step, ms | compiled, ms | faster |")
        print("|---|--:|--:|--:|--:|")
        for case in ON_GPU if device.type == "cuda" else ON_CPU:
            print(measure(case, device, arguments.steps), flush=True)
    print(machine(device))


if __name__ == "__main__":
    main()
