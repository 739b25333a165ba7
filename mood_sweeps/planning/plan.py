"""The plan: cells and the stages behind them, as plain values. Nothing here runs anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mood_sweeps.experiment.sweep import Pair, Sweep
from mood_sweeps.planning.fits import Fit, Selection
from mood_sweeps.planning.stages import Stage
from mood_sweeps.scoring.predictions import HEAD, NEAREST_CLASS_MEAN

__all__ = [
    "Cell",
    "Plan",
    "Representation",
    "scoring_keys",
]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Representation:
    """A checkpoint as one ID set sees it, with the axis values that led to it.

    chain: its training stages, in order, a tokenizer first where the pretext task predicts its
        tokens; of features that were given, the one stage that takes their head.
    banks: extract (or given) stages by (image set, split). pictures: stages that no number needs.
    members: what an ensemble joins; empty for a representation of its own.
    seed: None where nothing behind it is drawn: features that were given, weights that were loaded.
    head_set: the image set of the head's classes; None if headless.
    headless_predictions: where predicted ID classes come from if no head predicts them.
    """

    pretext: str
    backbone: str
    finetune: str
    seed: int | None
    id_set: str
    chain: tuple[Stage, ...]
    head_set: str | None
    banks: dict[tuple[str, str], Stage] = field(default_factory=dict)
    headless_predictions: str = NEAREST_CLASS_MEAN
    pictures: list[Stage] = field(default_factory=list)
    members: tuple[Representation, ...] = ()

    @property
    def checkpoint(self) -> Stage:
        """The last stage of the chain, which makes the checkpoint."""
        return self.chain[-1]

    @property
    def key(self) -> str:
        """The representation's key: its checkpoint's, as the rule that reads it is the default."""
        return self.checkpoint.key

    @property
    def predictions(self) -> str:
        """Where predicted ID classes come from: ``head``, or what a headless one has instead."""
        return HEAD if self.head_set == self.id_set else self.headless_predictions

    @property
    def is_by_chance(self) -> bool:
        """Whether the same launch, begun anew, may make another checkpoint of the same key."""
        searches = (stage.tuned.search for stage in self.chain if stage.tuned is not None)
        here = any(not search.is_deterministic for search in searches)
        return here or any(member.is_by_chance for member in self.members)

    @property
    def is_external(self) -> bool:
        """Whether the user brings its features."""
        return self.checkpoint.kind == "given"

    @property
    def label(self) -> str:
        """How people call it."""
        seed = "" if self.seed is None else f" · seed {self.seed}"
        return f"{self.pretext} · {self.backbone} · {self.finetune}{seed}"

    def __repr__(self) -> str:
        return f"<Representation {self.key[:12]}: {self.label} on {self.id_set}>"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Cell:
    """One point of the grid, with the keys of everything behind its number."""

    representation: Representation
    scorer_label: str
    pair: Pair
    fit: Fit | Selection
    id_scores_key: str
    ood_scores_key: str
    evaluation_key: str
    cell_key: str

    @property
    def banks(self) -> tuple[Stage, ...]:
        """The banks its number is made from, each once.

        ID train even where the scorer learns elsewhere: it tells which class is nearest.
        """
        banks, id_set = self.representation.banks, self.representation.id_set
        id_banks = (banks[id_set, "train"], banks[id_set, "test"])
        return tuple(dict.fromkeys((*id_banks, *self.fit.banks, banks[self.pair.ood_set, "all"])))

    @property
    def needs_checkpoint(self) -> bool:
        """Whether banks are not enough: for the head, which lies with it, or the network.

        Features that were given have a head or the certainty that there is none.
        """
        representation = self.representation
        has_head = representation.head_set is not None or representation.is_external
        return has_head or "network" in self.fit.scorer.parameters.needs

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
        """Yield every stage with an object of its own once, inputs before what needs them."""
        seen: set[str] = set()
        for representation in self.representations:
            for stage in _stages_of(representation):
                if stage.key not in seen:
                    seen.add(stage.key)
                    yield stage

    def stage_counts(self) -> dict[str, int]:
        """Return how many unique stages of each kind the cells come down to."""
        counts = dict(Counter(stage.kind for stage in self.stages()))
        scoring = scoring_keys(self.cells)
        return counts | {kind: len(keys) for kind, keys in scoring.items() if keys}


def _stages_of(representation: Representation) -> Iterator[Stage]:
    for member in representation.members:
        yield from _stages_of(member)
    yield from representation.chain
    yield from representation.banks.values()
    yield from representation.pictures


def scoring_keys(cells: Iterable[Cell]) -> dict[str, set[str]]:
    """Return the keys of all that is behind cells and no object of its own, by kind."""
    keys: dict[str, set[str]] = {"fit": set(), "select": set(), "score": set(), "evaluate": set()}
    for cell in cells:
        keys["score"] |= {cell.id_scores_key, cell.ood_scores_key}
        keys["evaluate"].add(cell.evaluation_key)
        if isinstance(cell.fit, Fit):
            keys["fit"].add(cell.fit.key)
        elif cell.fit.key not in keys["select"]:
            keys["select"].add(cell.fit.key)
            keys["fit"] |= {candidate.key for candidate in cell.fit.candidates}
            keys["score"].update(cell.fit.scores)
    return keys
