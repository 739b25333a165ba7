"""What whole runs of a grid cost, from what the trials of a sample spent. A model, no measurement.

Work is packed perfectly on all cores, and Tune's own work between trials is left out: both favour
Tune. Equal training methods are taken to cost the same.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from tune_trials import CORES

from mood_sweeps.planning.plan import Plan

__all__ = ["Costs", "costs"]


@dataclass(frozen=True)
class Costs:
    """Seconds of whole runs: start on one core, the rest in core-seconds over all of the grid.

    naive, careful: CPU of each way's own parts. useful: every unique stage once.
    """

    start: float
    naive: dict[str, float]
    careful: dict[str, float]
    useful: dict[str, float]

    def naive_wall(self, scorers: float = 1, pairs: float = 1, seeds: float = 1) -> float:
        return self.start + scorers * pairs * seeds * sum(self.naive.values()) / CORES

    def careful_wall(self, scorers: float = 1, pairs: float = 1, seeds: float = 1) -> float:
        parts = self.careful
        trials = parts["train"] + parts["repeated"] + parts["save"] + pairs * parts["extract"]
        return self.start + seeds * (trials / CORES + scorers * pairs * parts["score"])

    def ours_walls(
        self, wall: float, scorers: float = 1, pairs: float = 1, seeds: float = 1
    ) -> tuple[float, float]:
        """Ours, with the rest (records, mirror, gaps) fixed, and with it growing with cells."""
        use = self.useful
        rest = max(wall - self.start - sum(use.values()) / CORES, 0)
        work = use["train"] + pairs * use["extract"] + scorers * pairs * use["score"]
        least = self.start + seeds * work / CORES
        return least + rest, least + scorers * pairs * seeds * rest


def costs(plan: Plan, naive: dict[str, Any], careful: dict[str, Any]) -> Costs:
    """Extrapolate both ways from what their trials spent to all cells and checkpoints."""
    by_method: dict[str, list[float]] = {}
    for each in careful["trials"] + naive["trials"]:
        for part, seconds in each["spent"].items():
            if part not in ("extract", "score"):
                by_method.setdefault(part, []).append(seconds)
    stage = {method: statistics.mean(seconds) for method, seconds in by_method.items()}

    def mean(found: dict[str, Any], part: str) -> float:
        return statistics.mean(float(each["spent"][part]) for each in found["trials"])

    cells, items = len(plan.cells), plan.representations
    chains = sum(stage[each.method] for item in items for each in item.chain)
    unique = {each.key: stage[each.method] for item in items for each in item.chain}
    of_cells = sum(stage[each.method] for cell in plan.cells for each in cell.representation.chain)
    train, extract = sum(unique.values()), len(items) * mean(careful, "extract")
    score = careful["hand"]["seconds"] / careful["hand"]["cells"] * cells
    startup = [each["process"] - sum(each["spent"].values()) for each in naive["trials"]]
    save = [each["own"] - sum(each["spent"].values()) for each in careful["trials"]]
    return Costs(
        start=statistics.mean([naive["start"], careful["start"]]),
        naive={
            "processes": statistics.mean(startup) * cells,
            "train": of_cells,
            "extract": mean(naive, "extract") * cells,
            "score": mean(naive, "score") * cells,
        },
        careful={
            "train": train,
            "repeated": chains - train,
            "extract": extract,
            # The first trials of the two actors import torch as well, which is start.
            "save": statistics.median(save) * len(items),
            "score": score,
        },
        useful={"train": train, "extract": extract, "score": score},
    )
