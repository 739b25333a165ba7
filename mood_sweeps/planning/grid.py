"""Sweep → Plan: expand the grid, remove cells by rules, share stages of equal content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeVar

from mood_sweeps.choice import Choice
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.sweep import Finetune, Pair, Selected, Sweep
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.methods.tokenizers.declarations import TokenizerModel
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.planning.cells import CellMaker, Source
from mood_sweeps.planning.check_tuning import check_tokenizers, check_tuned
from mood_sweeps.planning.choose_pictures import pictures_of
from mood_sweeps.planning.choose_weights import Loaded, Loading
from mood_sweeps.planning.ensembles import ensemble_bank, ensemble_of
from mood_sweeps.planning.exposures import Exposures
from mood_sweeps.planning.external_representations import external_sources
from mood_sweeps.planning.impossible_cells import (
    finetune_refuses,
    has_decoder,
    has_detector,
    pretext_refuses,
)
from mood_sweeps.planning.plan import Cell, Plan, Representation
from mood_sweeps.planning.stages import (
    Stage,
    extract_stage,
    finetune_stage,
    pretrain_stage,
    tokenizer_stage,
)
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.scoring.requirements import Lacks, ensemble_lacks, missing, trained_lacks

__all__ = ["expand"]

FindImageSet = Callable[[str], ImageSet]

M = TypeVar("M", Pretext, FinetuneStage)


def expand(sweep: Sweep, find_image_set: FindImageSet) -> Plan:
    """Return the plan of a sweep; raise InputError if its rules leave no cell.

    find_image_set: from the name in a pair to the image set.
    """
    maker = CellMaker(sweep)
    if sweep.features:
        sources = external_sources(sweep.features)
    else:
        sources = _Trained(sweep, find_image_set, maker.removed).sources()
    cells: list[Cell] = []
    representations: list[Representation] = []
    for source in sources:
        found = list(maker.cells_of(source))
        if found:
            representations.append(source.representation)
            cells.extend(found)
    if not cells:
        raise InputError(_nothing_left(sweep, maker.removed))
    for rule in sweep.exclude:  # one that removes nothing is worth knowing, too
        maker.removed.setdefault(rule.label, 0)
    return Plan(sweep, tuple(cells), tuple(representations), dict(maker.removed))


class _Trained:
    """The representations of a sweep that trains them, their shared stages by content."""

    def __init__(self, sweep: Sweep, find_image_set: FindImageSet, removed: Counter[str]) -> None:
        self.sweep = sweep
        self.removed = removed
        self._sets = {
            name: find_image_set(name)
            for name in {
                *(pair.id_set for pair in sweep.pairs),
                *(pair.ood_set for pair in sweep.pairs),
                *(name for names in sweep.ood_val.values() for name in names),
                *(name for name in (sweep.corpus, sweep.intermediate) if name),
            }
        }
        self._trained: dict[tuple[object, ...], Stage] = {}
        self._tokenizers: dict[
            tuple[Choice[Pretext], Choice[Backbone]], Choice[TokenizerModel] | None
        ] = {}
        self._loading = Loading(sweep, find_image_set)
        self._exposures = Exposures(sweep, find_image_set)

    def sources(self) -> Iterator[Source]:
        for id_set, pairs in _by_id_set(self.sweep.pairs).items():
            for pretext, backbone, finetune in product(
                self.sweep.pretexts, self.sweep.backbones, self.sweep.finetunes
            ):
                yield from self._sources_of(pretext, backbone, finetune, id_set, tuple(pairs))

    def _sources_of(
        self,
        pretext: Choice[Pretext],
        backbone: Choice[Backbone],
        finetune: Finetune,
        id_set: str,
        pairs: tuple[Pair, ...],
    ) -> Iterator[Source]:
        """Yield the representation of every seed, and the ensemble of them if that is asked for."""
        loaded = self._loaded(pretext, backbone, finetune, id_set)
        seeds = self._seeds(pretext, finetune, loaded)
        if isinstance(loaded, str):
            self.removed[loaded] += len(self.sweep.scorers) * len(pairs) * len(seeds)
            return
        members = [
            self._representation(pretext, backbone, finetune, seed, id_set, loaded)
            for seed in seeds
        ]
        source = partial(
            Source,
            pretext=pretext,
            backbone=backbone,
            pairs=pairs,
            splits=self._sets[id_set].splits,
            ood_val=self.sweep.ood_val.get(id_set, ()),
        )
        has_head = members[0].head_set is not None
        for one in members:
            one.pictures.extend(pictures_of(one, pretext, finetune, pairs, self._sets, self.sweep))
            lacks = trained_lacks(
                has_head=has_head,
                has_detector=has_detector(finetune),
                has_decoder=has_decoder(pretext, finetune),
                is_of_plugin=one.checkpoint.network_plugin is not None,
            )
            yield source(one, bank=partial(self._bank, one), refuses=partial(_refused, lacks))
        if self.sweep.ensemble and len(members) > 1:
            joined = ensemble_of(members)
            yield source(
                joined,
                bank=partial(ensemble_bank, joined, bank_of=self._bank),
                refuses=partial(_refused, ensemble_lacks(has_head=has_head)),
            )

    def _loaded(
        self, pretext: Choice[Pretext], backbone: Choice[Backbone], finetune: Finetune, id_set: str
    ) -> Loaded | str | None:
        """Return the weights to start from, None where they are trained here, or what refuses."""
        loaded: Loaded | str | None = pretext_refuses(pretext, backbone)
        if loaded is None and pretext.parameters.is_loaded:
            loaded = self._loading.find(pretext, backbone, finetune, id_set)
        if isinstance(loaded, str):
            return loaded
        stages = _to_train(finetune, loaded)
        with_preset = [_with_preset(stage, backbone).parameters for stage in stages]
        return (
            finetune_refuses(stages, self.sweep.intermediate_set)
            or next(filter(None, (one.refuses(backbone) for one in with_preset)), None)
            or loaded
        )

    def _seeds(
        self, pretext: Choice[Pretext], finetune: Finetune, loaded: Loaded | str | None
    ) -> tuple[int | None, ...]:
        """Return the seeds that make a difference; only None where nothing is drawn."""
        stages = _to_train(finetune, loaded)
        is_drawn = any(stage.parameters.uses_seed for stage in stages)
        return self.sweep.seeds if is_drawn or pretext.parameters.uses_seed else (None,)

    def _representation(
        self,
        pretext: Choice[Pretext],
        backbone: Choice[Backbone],
        finetune: Finetune,
        seed: int | None,
        id_set: str,
        loaded: Loaded | None,
    ) -> Representation:
        if loaded is not None:
            chain, head_set = [loaded.stage], loaded.head_set
        else:
            assert seed is not None  # a pretext task that is trained uses one
            corpus = self._sets[self.sweep.corpus or id_set]
            tokenizer = self._tokenizer(pretext, backbone, corpus, seed)
            chain = [] if tokenizer is None else [tokenizer]
            with_preset = _with_preset(pretext, backbone)
            chain.append(self._pretrained(with_preset, backbone, corpus, seed, tokenizer))
            head_set = corpus.name if pretext.parameters.makes_head else None
        for stage in _to_train(finetune, loaded):
            stage = _with_preset(stage, backbone)
            intermediate = stage.parameters.trains_on_intermediate and self.sweep.intermediate_set
            images = self._sets[intermediate or id_set]
            chain.append(self._finetuned(stage, chain[-1], images, seed))
            head_set = images.name if stage.parameters.makes_head else head_set
        return Representation(
            pretext.label,
            backbone.label,
            finetune.label,
            seed,
            id_set,
            tuple(chain),
            head_set,
        )

    def _bank(self, representation: Representation, image_set: str, split: str) -> Stage:
        bank = representation.banks.get((image_set, split))
        if bank is None:
            images = self._sets[image_set]
            # Whole sets are OOD sets: of an ID set nothing is ever shown as OOD.
            left_out = self._exposures.left_out(images) if split == "all" else ()
            bank = extract_stage(representation.checkpoint, images, split, left_out)
            representation.banks[image_set, split] = bank
        return bank

    def _tokenizer(
        self, pretext: Choice[Pretext], backbone: Choice[Backbone], corpus: ImageSet, seed: int
    ) -> Stage | None:
        model = self._tokenizer_model(pretext, backbone)
        folder = Path(self.sweep.where).parent
        check_tokenizers(
            pretext,
            seed,
            lambda one: one.parameters.tokenizer_for(backbone, folder),
            self.sweep.where,
        )
        if model is None:
            return None
        stage = tokenizer_stage(model, corpus, seed)
        return self._trained.setdefault((stage.key,), stage)

    def _tokenizer_model(
        self, pretext: Choice[Pretext], backbone: Choice[Backbone]
    ) -> Choice[TokenizerModel] | None:
        """Return the tokenizer this pretext needs for this backbone, the file of one read once."""
        if not pretext.parameters.uses_corpus:
            return None
        at = (pretext, backbone)
        if at not in self._tokenizers:
            folder = Path(self.sweep.where).parent
            try:
                self._tokenizers[at] = pretext.parameters.tokenizer_for(backbone, folder)
            except InputError as error:
                placed = (replace(problem, where=self.sweep.where) for problem in error.problems)
                raise InputError(placed) from None
        return self._tokenizers[at]

    def _pretrained(
        self,
        pretext: Choice[Pretext],
        backbone: Choice[Backbone],
        corpus: ImageSet,
        seed: int,
        tokenizer: Stage | None,
    ) -> Stage:
        at = (pretext, backbone, corpus.name, seed)
        if at not in self._trained:
            check_tuned(pretext, corpus, seed, self.sweep.where)
            self._trained[at] = pretrain_stage(pretext, backbone, corpus, seed, tokenizer)
        return self._trained[at]

    def _finetuned(
        self, stage: Choice[FinetuneStage], upstream: Stage, id_set: ImageSet, axis_seed: int | None
    ) -> Stage:
        seed = axis_seed if stage.parameters.uses_seed else None
        at = (stage, upstream.key, id_set.name, seed)
        if at not in self._trained:
            check_tuned(stage, id_set, seed, self.sweep.where)
            shown = self._exposures.shown(stage, seed)
            self._trained[at] = finetune_stage(stage, upstream, id_set, seed, shown)
        return self._trained[at]


def _with_preset(choice: Choice[M], backbone: Choice[Backbone]) -> Choice[M]:
    """Return the choice as its preset for this backbone has it."""
    own = backbone.parameters
    parameters = choice.parameters.with_preset(choice.given, is_nano=own.is_nano, family=own.family)
    return replace(choice, parameters=parameters)


def _refused(lacks: Lacks, scorer: Choice[AnyScorer] | Selected) -> str | None:
    """Return the rule by which a scorer cannot score a representation, or None."""
    return missing(scorer.parameters, lacks)


def _to_train(finetune: Finetune, loaded: Loaded | str | None) -> tuple[Choice[FinetuneStage], ...]:
    """Return the stages of a chain that the loaded weights did not go through."""
    return finetune.stages[loaded.n_stages if isinstance(loaded, Loaded) else 0 :]


def _nothing_left(sweep: Sweep, removed: Counter[str]) -> Problem:
    reasons = "; ".join(f"{rule}: {count}" for rule, count in removed.items())
    guilty = [rule.where for rule in sweep.exclude if removed[rule.label]]
    return Problem(f"the rules leave no cell ({reasons})", (guilty or [sweep.where])[0])


def _by_id_set(pairs: tuple[Pair, ...]) -> dict[str, list[Pair]]:
    grouped: dict[str, list[Pair]] = {}
    for pair in pairs:
        grouped.setdefault(pair.id_set, []).append(pair)
    return grouped
