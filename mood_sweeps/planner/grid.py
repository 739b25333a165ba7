"""Sweep → Plan: expand the grid, drop the cells that rules remove, share what can be shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product

from mood_sweeps.choice import Choice
from mood_sweeps.datasets.image_set import ImageSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.identity import key_of
from mood_sweeps.planner.plan import Cell, Plan, Representation
from mood_sweeps.planner.rules import pretext_refuses, scorer_refuses
from mood_sweeps.planner.stage import (
    Stage,
    extract_stage,
    finetune_stage,
    fit_key,
    pretrain_stage,
    score_key,
    scores_key,
)
from mood_sweeps.spec.sweep import Finetune, Pair, Rule, Sweep

__all__ = ["expand"]

FindImageSet = Callable[[str], ImageSet]


def expand(sweep: Sweep, find_image_set: FindImageSet) -> Plan:
    """Return the plan of a sweep; raise InputError if its rules leave no cell.

    find_image_set: from the name in a pair to the image set.
    """
    return _Expansion(sweep, find_image_set).plan()


class _Expansion:
    """The state of one expansion: shared stages by content, removals by rule."""

    def __init__(self, sweep: Sweep, find_image_set: FindImageSet) -> None:
        self.sweep = sweep
        self.removed: Counter[str] = Counter()
        self._sets = {
            name: find_image_set(name)
            for name in {
                *(pair.id_set for pair in sweep.pairs),
                *(pair.ood_set for pair in sweep.pairs),
                *([sweep.corpus] if sweep.corpus else []),
            }
        }
        self._scorer_labels = [(scorer, scorer.label) for scorer in sweep.scorers]
        self._trained: dict[tuple[object, ...], Stage] = {}

    def plan(self) -> Plan:
        cells: list[Cell] = []
        representations: list[Representation] = []
        for id_set, pairs in _by_id_set(self.sweep.pairs).items():
            for pretext, backbone, finetune, seed in product(
                self.sweep.pretexts, self.sweep.backbones, self.sweep.finetunes, self.sweep.seeds
            ):
                refused = pretext_refuses(pretext, backbone)
                if refused:
                    self.removed[refused] += len(self._scorer_labels) * len(pairs)
                    continue
                representation = self._representation(pretext, backbone, finetune, seed, id_set)
                found = list(self._cells(representation, pretext, backbone, pairs))
                if found:
                    representations.append(representation)
                    cells.extend(found)
        if not cells:
            raise InputError(self._nothing_left())
        for rule in self.sweep.exclude:  # one that removes nothing is worth knowing, too
            self.removed.setdefault(rule.label, 0)
        return Plan(self.sweep, tuple(cells), tuple(representations), dict(self.removed))

    def _representation(
        self, pretext: Choice, backbone: Choice, finetune: Finetune, seed: int, id_set: str
    ) -> Representation:
        corpus = self._sets[self.sweep.corpus or id_set]
        chain = [self._pretrained(pretext, backbone, corpus, seed)]
        head_set = corpus.name if pretext.parameters.makes_head else None
        for stage in finetune.stages:
            chain.append(self._finetuned(stage, chain[-1], self._sets[id_set], seed))
            head_set = id_set if stage.parameters.makes_head else head_set
        return Representation(
            pretext.label,
            backbone.label,
            finetune.label,
            seed,
            id_set,
            tuple(chain),
            head_set,
        )

    def _cells(
        self,
        representation: Representation,
        pretext: Choice,
        backbone: Choice,
        pairs: list[Pair],
    ) -> Iterator[Cell]:
        rules = [
            rule
            for rule in self.sweep.exclude
            if rule.may_match(
                pretext=pretext,
                backbone=backbone,
                finetune=representation.finetune,
                seed=representation.seed,
                id=representation.id_set,
            )
        ]
        for scorer, label in self._scorer_labels:
            refused = scorer_refuses(scorer, representation.head_set is not None)
            if refused:
                self.removed[refused] += len(pairs)
                continue
            kept = [pair for pair in pairs if not self._excluded(rules, scorer, pair)]
            if kept:
                yield from self._scored(representation, scorer, label, kept)

    def _excluded(self, rules: list[Rule], scorer: Choice, pair: Pair) -> bool:
        for rule in rules:
            if rule.may_match(scorer=scorer, ood=pair.ood_set, distance=pair.distance):
                self.removed[rule.label] += 1
                return True
        return False

    def _scored(
        self, representation: Representation, scorer: Choice, label: str, pairs: list[Pair]
    ) -> Iterator[Cell]:
        id_set = representation.id_set
        fitted = fit_key(scorer, self._bank(representation, id_set, "train"))
        id_scores = scores_key(fitted, self._bank(representation, id_set, "test"))
        for pair in pairs:
            ood_scores = scores_key(fitted, self._bank(representation, pair.ood_set, "all"))
            evaluated = score_key(id_scores, ood_scores, representation.predictions)
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
                scorer,
                label,
                pair,
                fitted,
                id_scores,
                ood_scores,
                evaluated,
                cell_key=key_of([*axes, evaluated]),
            )

    def _bank(self, representation: Representation, image_set: str, split: str) -> Stage:
        bank = representation.banks.get((image_set, split))
        if bank is None:
            bank = extract_stage(representation.checkpoint, self._sets[image_set], split)
            representation.banks[image_set, split] = bank
        return bank

    def _pretrained(self, pretext: Choice, backbone: Choice, corpus: ImageSet, seed: int) -> Stage:
        # Keyed by the objects themselves: hashing a stage anew for every cell would cost more
        # than everything else in a plan of a million cells.
        at = (id(pretext), id(backbone), corpus.name, seed)
        if at not in self._trained:
            self._trained[at] = pretrain_stage(pretext, backbone, corpus, seed)
        return self._trained[at]

    def _finetuned(self, stage: Choice, upstream: Stage, id_set: ImageSet, seed: int) -> Stage:
        at = (id(stage), upstream.key, id_set.name, seed)
        if at not in self._trained:
            self._trained[at] = finetune_stage(stage, upstream, id_set, seed)
        return self._trained[at]

    def _nothing_left(self) -> Problem:
        reasons = "; ".join(f"{rule}: {count}" for rule, count in self.removed.items())
        guilty = [rule.where for rule in self.sweep.exclude if self.removed[rule.label]]
        return Problem(f"the rules leave no cell ({reasons})", (guilty or [self.sweep.where])[0])


def _by_id_set(pairs: tuple[Pair, ...]) -> dict[str, list[Pair]]:
    grouped: dict[str, list[Pair]] = {}
    for pair in pairs:
        grouped.setdefault(pair.id_set, []).append(pair)
    return grouped
