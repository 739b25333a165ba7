"""A training shared by several processes: against one process alone, and against torch's DDP.

    python benchmarks/sharing.py [--members 2] [--rounds 5]

Same network, same images in memory, batches in as many parts as there are members, fused AdamW; in
the same processes by turns, each with one CPU thread, or a GPU of its own where there are so many
(ViT-B/16 at 224 px in bf16). Ours adds gradients up in their order, so that the bits are those of
one process; DDP reduces them while the backward pass still runs. Wall seconds: members wait for
each other. What limits both: members, and gradients to be handed over. Under two minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed
from side_by_side import machine
from torch.distributed import PrefixStore, TCPStore
from torch.multiprocessing import spawn
from torch.nn.parallel import DistributedDataParallel
from training import noise

from mood_sweeps.choice import choose
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.loop import train
from mood_sweeps.training.process_group import SINGLE_PROCESS, ConnectedProcessGroup, ProcessGroup

HERE = "127.0.0.1"
BATCHES = 4


class Case:
    """One classification training, on this process's device."""

    def __init__(self, rank: int, members: int) -> None:
        several_gpus = torch.cuda.device_count() >= members
        self.device = torch.device("cuda", rank) if several_gpus else torch.device("cpu")
        self.rank, self.members = rank, members
        if several_gpus:
            torch.cuda.set_device(self.device)
            self.backbone, part, precision = "vit_base_patch16_224", 128, "bf16"
            self.name = "classification, vit_base_patch16_224, 224 px, bf16"
        else:
            torch.set_num_threads(1)
            self.backbone, part, precision = "vit_tiny_patch16_224", 4, "fp32"
            self.name = "classification, vit_tiny_patch16_224, 224 px, fp32"
        self.batch = part * members
        recipe = {"epochs": 1, "batch_size": self.batch, "accumulate": members}
        asked = {"classification": {**recipe, "precision": precision}}
        self.task: Any = choose(asked, PRETEXTS, "pretext").parameters
        self.architecture = describe(choose_backbone(self.backbone))
        images = noise(self.batch * BATCHES, 224)
        self.labels = torch.from_numpy(images.labels)
        self.images = BatchLoader(images, self.architecture["input"], self.device)
        self.objective = self._objective()
        self.parallel = self._objective()

    def _objective(self) -> Any:
        torch.manual_seed(0)
        example = self.images.take(torch.arange(2)).cpu()
        return objective_of(self.task, build(self.architecture), example, 10).to(self.device)

    def ours(self, group: ProcessGroup) -> None:
        """Train an epoch as a stage does."""
        with reproducible(0, "any"):
            train(
                self.objective, self.images, self.labels, self.task, seed=0, kind="any", group=group
            )

    def ddp(self) -> Callable[[], None]:
        """Return what trains an epoch by torch's own data parallelism."""
        ids = [self.device] if self.device.type == "cuda" else None
        wrapped = DistributedDataParallel(self.parallel, device_ids=ids)
        optimizer = torch.optim.AdamW(self.parallel.parameters(), fused=True)
        drawn, half = torch.Generator().manual_seed(0), self.task.precision == "bf16"

        def epoch() -> None:
            for batch in torch.split(torch.randperm(len(self.images)), self.batch):
                mine = batch.chunk(self.members)[self.rank]
                optimizer.zero_grad()
                with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
                    labels = self.labels[mine].to(self.device)
                    loss = wrapped(self.images.take(mine), labels, drawn)
                loss.backward()
                optimizer.step()

        return epoch


def member(rank: int, members: int, rounds: int, port: int) -> None:
    """Be one of the processes; the first of them prints."""
    case = Case(rank, members)
    backend = "nccl" if case.device.type == "cuda" else "gloo"
    store = TCPStore(HERE, port, is_master=False)
    torch.distributed.init_process_group(
        backend,
        store=PrefixStore("ddp", store),
        rank=rank,
        world_size=members,
    )
    group = ConnectedProcessGroup((HERE, port), rank, members, HERE, case.device)
    runs = {
        "one process": lambda: case.ours(SINGLE_PROCESS) if rank == 0 else None,
        f"{members} processes, ours": lambda: case.ours(group),
        f"{members} processes, DDP": case.ddp(),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            group.gather(torch.zeros(1, device=case.device))
            began = time.perf_counter()
            run()
            group.gather(torch.zeros(1, device=case.device))
            seconds[name].append(time.perf_counter() - began)
    if rank == 0:
        report(case, seconds)
    torch.distributed.destroy_process_group()


def report(case: Case, seconds: dict[str, list[float]]) -> None:
    """Print the images per second of each, in its fastest round but the first."""
    size = sum(one.numel() * one.element_size() for one in case.objective.parameters())
    print(f"{machine(case.device)}; {case.name}; batches of {case.batch} in {case.members} parts")
    print(f"gradients handed over at each step: {size / 1e6:.0f} MB")
    alone = None
    for name, times in seconds.items():
        rate = case.batch * BATCHES / min(times[1:])
        alone = alone or rate
        print(f"{name:<24}{rate:>8.1f} images/s  {rate / alone:.2f} of one process")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    # Where torch's own group and ours meet.
    store = TCPStore(HERE, 0, is_master=True, wait_for_workers=False)
    spawn(member, (arguments.members, arguments.rounds, store.port), nprocs=arguments.members)


if __name__ == "__main__":
    main()
