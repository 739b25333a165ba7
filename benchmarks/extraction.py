"""Our extraction of features against a bare timm inference loop: images per second.

    python benchmarks/extraction.py [--rounds 15] [--device cuda]

Same weights, same uint8 images in memory, same batches, in the same process by turns; on a CPU with
one thread and in CPU seconds. Both build the network, load its weights, transform the images and
return features as numpy. Goal: ours ÷ bare ≥ 0.95. On a GPU: ViT-B/16 at 224 px. Under two minutes
on a CPU.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from side_by_side import HEADER, clock_of, line_of, machine, side_by_side
from training import bare_network, noise

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.extract_features import extract

BATCH = 256


def bare(checkpoint: Checkpoint, images: LabelledImages, device: torch.device) -> Any:
    """Extract as one would in a notebook; return features (N, D)."""
    described = checkpoint.architecture
    form = described["input"]
    network = bare_network(described, 0)
    network.load_state_dict(checkpoint.weights)
    network.eval().to(device)
    mean = torch.tensor(form["mean"], device=device).view(1, -1, 1, 1)
    std = torch.tensor(form["std"], device=device).view(1, -1, 1, 1)
    found = []
    stacked = np.stack(images.read(np.arange(len(images))))
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            pixels = torch.from_numpy(stacked[start : start + BATCH]).to(device)
            scaled = pixels.permute(0, 3, 1, 2).float() / 255
            found.append(network((scaled - mean) / std).cpu())
    return torch.cat(found).numpy()


def measure(
    name: str, backbone: str, images: LabelledImages, device: torch.device, rounds: int
) -> str:
    """Return a line of the table, after a look whether both give the same features."""
    random = choose("random", PRETEXTS, "pretext")
    checkpoint = pretrain(random, choose_backbone(backbone), None, 0)
    np.testing.assert_allclose(
        extract(checkpoint, images, BATCH).features, bare(checkpoint, images, device), atol=1e-3
    )
    rates = side_by_side(
        lambda: extract(checkpoint, images, BATCH),
        lambda: bare(checkpoint, images, device),
        len(images),
        rounds,
        clock_of(device),
    )
    return line_of(name, rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu", help="ours takes a GPU where there is one")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    digits = image_set("digits:0-5").open("train")
    print(machine(device))
    print(HEADER)
    cases: list[tuple[str, str, LabelledImages]]
    if device.type == "cuda":
        cases = [("vit_base_patch16_224, 224 px", "vit_base_patch16_224", noise(5120, 224))]
    else:
        many = digits.take(np.arange(4 * len(digits)) % len(digits))
        cases = [
            ("vit_nano, 8 px", "vit_nano", many),
            ("vit_tiny_patch16_224, 224 px", "vit_tiny_patch16_224", noise(16, 224)),
        ]
    for name, backbone, images in cases:
        print(measure(name, backbone, images, device, arguments.rounds), flush=True)
    print(machine(device))


if __name__ == "__main__":
    main()
