"""The calls that must run, planned backwards from the cells without a number.

Objects that only existing numbers need are not rebuilt: an evicted bank with all its scores in the
database stays evicted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.selections import note_of
from mood_sweeps.note import joined
from mood_sweeps.planning.calls import Call, EvaluationRequest, Scoring, score_group
from mood_sweeps.planning.plan import Cell, Plan, Representation
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_scorers import Plugin, PluginScorer, declared_of
from mood_sweeps.store import Ref

__all__ = ["calls_behind", "calls_for", "extraction_key", "group_of"]


def calls_for(
    plan: Plan,
    open_cells: Collection[Cell],
    is_there: Callable[[Ref], bool],
    find_image_set: Callable[[str], ImageSet],
) -> tuple[Call, ...]:
    """Return the calls that make the numbers of ``open_cells``, inputs first.

    open_cells: cells of ``plan`` without a number, neither in the database nor in the store.
    is_there: whether an object is complete in the store.
    """
    by_group: dict[tuple[str, Plugin | None], list[Cell]] = {}
    groups = {item: group_of(item) for item in plan.representations}
    for cell in open_cells:
        group = groups[cell.representation]
        by_group.setdefault((group, _plugin_of(cell)), []).append(cell)
    wanted = _Wanted(is_there)
    scorings: list[Call] = []
    for (group, plugin), cells in by_group.items():
        representation = cells[0].representation
        scorings.append(_scoring(group, plugin, representation, cells, find_image_set))
        needs_checkpoint = any(cell.needs_checkpoint for cell in cells)
        wanted.add(representation, _banks(cells), needs_checkpoint=needs_checkpoint)
    calls = wanted.calls()
    pictures = _pictures(plan.representations, is_there, {call.key for call in calls})
    return (*calls, *scorings, *pictures)


@dataclass(frozen=True, eq=False)
class _Extraction:
    """The banks that one checkpoint is to make, by key."""

    checkpoint: Stage
    banks: dict[str, Stage] = field(default_factory=dict)


class _Wanted:
    """Collects the missing calls of all representations."""

    def __init__(self, is_there: Callable[[Ref], bool]) -> None:
        self._is_there = is_there
        self._calls: dict[str, Call] = {}
        self._extractions: dict[Ref, _Extraction] = {}

    def add(
        self, representation: Representation, banks: Iterable[Stage], *, needs_checkpoint: bool
    ) -> None:
        """Add the calls for missing ``banks`` and for their missing inputs."""
        missing = {bank.key: bank for bank in banks if not self._is_there(bank.ref)}
        if representation.members:
            self._join(representation, missing, needs_checkpoint=needs_checkpoint)
        elif representation.is_external:
            self._calls.update({key: _of_one_stage(bank) for key, bank in missing.items()})
        elif missing:
            checkpoint = representation.checkpoint
            extraction = self._extractions.setdefault(checkpoint.ref, _Extraction(checkpoint))
            extraction.banks.update(missing)
        if missing or needs_checkpoint:
            for call in _training(representation.chain, self._is_there):
                self._calls.setdefault(call.key, call)

    def calls(self) -> tuple[Call, ...]:
        """Return all collected calls."""
        return (*self._calls.values(), *map(_extraction, self._extractions.values()))

    def _join(
        self, ensemble: Representation, missing: dict[str, Stage], *, needs_checkpoint: bool
    ) -> None:
        places = [at for at, bank in ensemble.banks.items() if bank.key in missing]
        needs_heads = (bool(missing) or needs_checkpoint) and not self._is_there(
            ensemble.checkpoint.ref
        )
        for member in ensemble.members:
            parts = [member.banks[at] for at in places]
            self.add(member, parts, needs_checkpoint=needs_heads)
        self._calls.update({key: _of_one_stage(bank) for key, bank in missing.items()})


def group_of(representation: Representation) -> str:
    """Return the scoring group of a representation."""
    banks = representation.banks
    id_set = representation.id_set
    return score_group(banks[id_set, "train"].key, banks[id_set, "test"].key)


def calls_behind(cell: Cell) -> tuple[str, ...]:
    """Return the keys of the calls that make a cell's number from nothing, inputs first."""
    representation = cell.representation
    sources = representation.members or (representation,)
    made = [
        *(stage.key for source in sources for stage in source.chain),
        *(extraction_key(source.checkpoint.ref) for source in sources),
        *(bank.key for bank in _banks([cell])),
        _scoring_key(group_of(representation), _plugin_of(cell)),
    ]
    return tuple(dict.fromkeys(made))


def extraction_key(checkpoint: Ref) -> str:
    """Return the key of the call that extracts the banks of a checkpoint."""
    return f"extract-{checkpoint.key}"


def _scoring_key(group: str, plugin: Plugin | None) -> str:
    return f"score-{group}" + (f"-{plugin.key}" if plugin else "")


def _banks(cells: Iterable[Cell]) -> list[Stage]:
    return list(dict.fromkeys(bank for cell in cells for bank in cell.banks))


def _training(chain: tuple[Stage, ...], is_there: Callable[[Ref], bool]) -> list[Call]:
    """Return the calls of the missing tail of a chain: an existing object needs no ancestors."""
    calls: list[Call] = []
    for stage in reversed(chain):
        if is_there(stage.ref):
            break
        calls.append(_of_one_stage(stage))
    return calls[::-1]


def _pictures(
    representations: Iterable[Representation],
    is_there: Callable[[Ref], bool],
    calls: Collection[str],
) -> list[Call]:
    """Return the calls of missing pictures; for a picture alone no checkpoint is trained again."""
    missing = {
        stage.key: _of_one_stage(stage)
        for representation in representations
        for stage in representation.pictures
        if not is_there(stage.ref)
        and (representation.key in calls or is_there(representation.checkpoint.ref))
    }
    return list(missing.values())


def _of_one_stage(stage: Stage) -> Call:
    return Call(
        key=stage.key,
        kind=stage.kind,
        label=stage.label,
        method=stage.method,
        needs=stage.inputs,
        makes=(stage.ref,),
        units=1,
        stages=(stage,),
    )


def _extraction(extraction: _Extraction) -> Call:
    checkpoint, stages = extraction.checkpoint, tuple(extraction.banks.values())
    return Call(
        # Leased by checkpoint, not by banks: another launch that extracts other banks of the
        # same checkpoint would load the same network beside this one.
        key=extraction_key(checkpoint.ref),
        kind="extract",
        label=checkpoint.label,
        method="extract",
        needs=(checkpoint.ref,),
        makes=tuple(stage.ref for stage in stages),
        units=len(stages),
        stages=stages,
    )


def _extracted(cells: list[Cell]) -> dict[Ref, Extract]:
    if not any("network" in cell.fit.scorer.parameters.needs for cell in cells):
        return {}
    return {bank.ref: bank.work for bank in _banks(cells) if isinstance(bank.work, Extract)}


def _plugin_of(cell: Cell) -> Plugin | None:
    parameters = cell.fit.scorer.parameters
    return declared_of(parameters).plugin if isinstance(parameters, PluginScorer) else None


def _scoring(
    group: str,
    plugin: Plugin | None,
    representation: Representation,
    cells: list[Cell],
    find_image_set: Callable[[str], ImageSet],
) -> Call:
    banks = representation.banks
    id_set = representation.id_set
    names = {id_set, *(cell.pair.ood_set for cell in cells)}
    sets = {} if representation.is_external else {name: find_image_set(name) for name in names}
    classes = {name: sets[name].classes if name in sets else () for name in names}
    notes = {name: note_of(images) for name, images in sets.items()}
    evaluations = tuple(_evaluation(cell, classes[cell.pair.ood_set], notes) for cell in cells)
    return Call(
        key=_scoring_key(group, plugin),
        kind="score",
        label=f"{representation.label} on {id_set}" + (f" by {plugin.path}" if plugin else ""),
        method=f"score by {plugin.key}" if plugin else "score",
        needs=(
            *(bank.ref for bank in _banks(cells)),
            *(
                [representation.checkpoint.ref]
                if any(cell.needs_checkpoint for cell in cells)
                else []
            ),
        ),
        makes=(),
        units=len(cells),
        scoring=Scoring(
            group=group,
            checkpoint=representation.checkpoint.ref,
            train_bank=banks[id_set, "train"].ref,
            id_bank=banks[id_set, "test"].ref,
            id_classes=classes[id_set],
            predictions=representation.predictions,
            evaluations=evaluations,
            extracted=_extracted(cells),
            plugin=plugin,
        ),
    )


def _evaluation(
    cell: Cell, ood_classes: tuple[str, ...], notes: Mapping[str, str]
) -> EvaluationRequest:
    """Return the request for a cell's number. notes: on the images of its sets, by name."""
    # The bank of this cell's representation: two may share train banks but not OOD banks.
    at = (cell.pair.ood_set, "all")
    bank = cell.representation.banks[at]
    # All members of an ensemble leave out the same images.
    extracted = [member.banks[at].work for member in cell.representation.members] or [bank.work]
    n_left_out = len(extracted[0].left_out) if isinstance(extracted[0], Extract) else 0
    images_note = joined(*(notes.get(name) for name in (cell.pair.id_set, cell.pair.ood_set)))
    return EvaluationRequest(
        cell.fit, cell.evaluation_key, bank.ref, ood_classes, n_left_out, images_note or ""
    )
