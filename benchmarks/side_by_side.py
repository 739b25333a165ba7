"""Two ways to do the same work, timed in turns, so that what else runs hits both alike."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

__all__ = ["HEADER", "Rates", "clock_of", "line_of", "machine", "side_by_side"]

Clock = Callable[[], float]


@dataclass(frozen=True)
class Rates:
    """Images per second of either in its fastest round, and their ratio.

    The fastest, because other work on the machine only ever slows one down. low, high: the smallest
    and the largest ratio of the two runs of a round.
    """

    ours: float
    bare: float
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """Ours ÷ bare."""
        return self.ours / self.bare


def side_by_side(
    ours: Callable[[], object],
    bare: Callable[[], object],
    images: int,
    rounds: int,
    now: Clock,
) -> Rates:
    """Run both once unmeasured, then in ``rounds`` rounds, each first in every second one.

    images: how many pass through either in one run.
    """
    seconds: dict[Callable[[], object], list[float]] = {ours: [], bare: []}
    ours(), bare()
    for number in range(rounds):
        for run in (ours, bare) if number % 2 else (bare, ours):
            gc.collect()
            began = now()
            run()
            seconds[run].append(now() - began)
    ratios = [his / mine for mine, his in zip(seconds[ours], seconds[bare], strict=True)]
    fastest = {run: images / min(times) for run, times in seconds.items()}
    return Rates(fastest[ours], fastest[bare], min(ratios), max(ratios))


def clock_of(device: torch.device) -> Clock:
    """Return CPU seconds of this process, or, on a GPU, wall seconds until it is done."""
    if device.type == "cpu":
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def machine(device: torch.device) -> str:
    """Return what this runs on, in a line."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return (
        f"{where}, {os.cpu_count()} cores, torch {torch.__version__}, one CPU thread, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def line_of(name: str, rates: Rates) -> str:
    """Return a line of a Markdown table; ``HEADER`` names its columns."""
    verdict = "met" if rates.ratio >= 0.95 else "**missed**"
    return (
        f"| {name} | {rates.ours:,.1f} | {rates.bare:,.1f} | {rates.ratio:.3f} "
        f"({rates.low:.2f}–{rates.high:.2f}) | {verdict} |"
    )


HEADER = (
    "| case | ours, images/s | bare, images/s | ours ÷ bare | goal 0.95 |\n|---|--:|--:|--:|--|"
)
