"""A representation → its cells: scorers × pairs, less what rules remove, which is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from mood_sweeps.choice import Choice
from mood_sweeps.experiment.sweep import Pair, Rule, Selected, Sweep
from mood_sweeps.identity import key_of
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.planning.fits import (
    Fit,
    Selection,
    evaluation_key,
    fit_of,
    scores_key,
    selection_of,
)
from mood_sweeps.planning.plan import Cell, Representation
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.scoring.requirements import learns_from

__all__ = ["BY_CHANCE", "CellMaker", "Source"]

BY_CHANCE = "weights tuned by asha, which are no function of their key"
"""What a row says of numbers that another launch may not come to again."""

_Scorer = Choice[AnyScorer] | Selected


@dataclass(frozen=True, eq=False)
class Source:
    """A representation and what its cells need to know of it.

    pretext, backbone: what exclude rules are matched with. splits: of its ID set. ood_val: OOD
    validation sets. bank: the stage that makes the bank of a (set, split).
    refuses: the rule by which it cannot serve a scorer, or None; refuses_pair: the same for one
    pair, where pairs differ in that.
    """

    representation: Representation
    pretext: Choice[Pretext] | str
    backbone: Choice[Backbone] | str
    pairs: tuple[Pair, ...]
    splits: Collection[str]
    ood_val: tuple[str, ...]
    bank: Callable[[str, str], Stage]
    refuses: Callable[[_Scorer], str | None]
    refuses_pair: Callable[[_Scorer, Pair], str | None] | None = None


class CellMaker:
    """Makes the cells of one representation after another."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.removed: Counter[str] = Counter()
        self._fits: dict[str, Fit] = {}  # of one representation, by the label of the scorer

    def cells_of(self, source: Source) -> Iterator[Cell]:
        """Yield the cells that rules leave."""
        self._fits = {}
        representation = source.representation
        rules = [
            rule
            for rule in self.sweep.exclude
            if rule.may_match(
                pretext=source.pretext,
                backbone=source.backbone,
                finetune=representation.finetune,
                seed=representation.seed,
                id=representation.id_set,
            )
        ]
        for scorer in self.sweep.scorers:
            refused = source.refuses(scorer)
            if refused:
                self.removed[refused] += len(source.pairs)
                continue
            kept = source.pairs
            if rules or source.refuses_pair is not None:
                kept = tuple(pair for pair in kept if self._is_kept(source, rules, scorer, pair))
            if kept:
                yield from self._scored(source, scorer, kept)

    def _is_kept(self, source: Source, rules: list[Rule], scorer: _Scorer, pair: Pair) -> bool:
        refused = source.refuses_pair and source.refuses_pair(scorer, pair)
        if refused:
            self.removed[refused] += 1
            return False
        for rule in rules:
            if rule.may_match(scorer=scorer, ood=pair.ood_set, distance=pair.distance):
                self.removed[rule.label] += 1
                return False
        return True

    def _scored(self, source: Source, scorer: _Scorer, pairs: tuple[Pair, ...]) -> Iterator[Cell]:
        representation, bank = source.representation, source.bank
        id_set = representation.id_set
        bank(id_set, "train")
        fit = self._fit(source, scorer)
        id_scores = scores_key(fit.key, bank(id_set, "test").key)
        label = scorer.label
        for pair in pairs:
            ood_scores = scores_key(fit.key, bank(pair.ood_set, "all").key)
            evaluated = evaluation_key(id_scores, ood_scores, representation.predictions)
            axes = [
                representation.pretext,
                representation.backbone,
                representation.finetune,
                label,
                representation.seed,
                id_set,
                pair.ood_set,
                pair.distance,
            ]
            yield Cell(
                representation,
                label,
                pair,
                fit,
                id_scores,
                ood_scores,
                evaluated,
                cell_key=key_of([*axes, evaluated]),
            )

    def _fit(self, source: Source, scorer: _Scorer) -> Fit | Selection:
        if isinstance(scorer, Choice):
            return self._single_fit(source, scorer)
        id_set = source.representation.id_set
        return selection_of(
            scorer,
            tuple(self._single_fit(source, choice) for choice in scorer.candidates),
            source.bank(id_set, "val"),
            tuple(source.bank(name, "all") for name in source.ood_val),
            where=" + ".join((f"{id_set}/val", *source.ood_val)),
        )

    def _single_fit(self, source: Source, scorer: Choice[AnyScorer]) -> Fit:
        if scorer.label not in self._fits:
            id_set = source.representation.id_set
            split, note = learns_from(scorer.parameters, source.splits)
            if source.representation.is_by_chance:
                note = "; ".join(filter(None, (note, BY_CHANCE)))
            self._fits[scorer.label] = fit_of(scorer, source.bank(id_set, split), note)
        return self._fits[scorer.label]
