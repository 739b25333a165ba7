"""The plan: cells and the stages behind them, as plain values. Nothing here runs anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mood_sweeps.choice import Choice
from mood_sweeps.planner.stage import Stage
from mood_sweeps.spec.sweep import Pair, Sweep

__all__ = ["Cell", "Plan", "Representation"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Representation:
    """A checkpoint as one ID set sees it, with the axis values that led to it.

    chain: its training stages, in order. banks: extract stages by (image set, split).
    head_set: the image set whose classes the head tells apart; None if headless.
    predictions: where predicted ID classes come from, ``head`` or ``nearest class mean``.
    """

    pretext: str
    backbone: str
    finetune: str
    seed: int
    id_set: str
    chain: tuple[Stage, ...]
    head_set: str | None
    banks: dict[tuple[str, str], Stage] = field(default_factory=dict)

    @property
    def checkpoint(self) -> Stage:
        """The stage whose checkpoint is the representation."""
        return self.chain[-1]

    @property
    def key(self) -> str:
        """The representation's key: its checkpoint's, as the rule that reads it is the default."""
        return self.checkpoint.key

    @property
    def predictions(self) -> str:
        """Where predicted ID classes come from."""
        return "head" if self.head_set == self.id_set else "nearest class mean"

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.pretext} · {self.backbone} · {self.finetune} · seed {self.seed}"

    def __repr__(self) -> str:
        return f"<Representation {self.key[:12]}: {self.label} on {self.id_set}>"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Cell:
    """One point of the grid, with the keys of everything behind its number."""

    representation: Representation
    scorer: Choice
    scorer_label: str
    pair: Pair
    fit_key: str
    id_scores_key: str
    ood_scores_key: str
    score_key: str
    cell_key: str

    @property
    def label(self) -> str:
        """The cell's axis values in words."""
        return (
            f"{self.representation.label} · {self.scorer_label} · "
            f"{self.pair.id_set} vs {self.pair.ood_set}"
        )

    def __repr__(self) -> str:
        return f"<Cell {self.cell_key[:12]}: {self.label}>"


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """All cells of a sweep, and how many cells each rule removed (the user's: maybe 0)."""

    sweep: Sweep
    cells: tuple[Cell, ...]
    representations: tuple[Representation, ...]
    removed: Mapping[str, int]

    def __repr__(self) -> str:
        stages = ", ".join(f"{number} {kind}" for kind, number in self.stage_counts().items())
        return f"<Plan {self.sweep.name}: {len(self.cells)} cells → {stages}>"

    def stages(self) -> Iterator[Stage]:
        """Yield every training and extraction stage once, inputs before what needs them."""
        seen: set[str] = set()
        for representation in self.representations:
            for stage in (*representation.chain, *representation.banks.values()):
                if stage.key not in seen:
                    seen.add(stage.key)
                    yield stage

    def stage_counts(self) -> dict[str, int]:
        """Return how many unique stages of each kind the cells come down to."""
        counts = dict(Counter(stage.kind for stage in self.stages()))
        counts["fit"] = len({cell.fit_key for cell in self.cells})
        counts["score"] = len(
            {key for cell in self.cells for key in (cell.id_scores_key, cell.ood_scores_key)}
        )
        counts["evaluate"] = len({cell.score_key for cell in self.cells})
        return counts
