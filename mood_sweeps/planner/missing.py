"""What must run: planned backwards from the cells that have no number yet.

Nothing that only an existing number needed is rebuilt: an evicted bank whose scores are all in
the database stays evicted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from mood_sweeps.datasets.image_set import ImageSet
from mood_sweeps.planner.call import Call, Evaluation, Extraction, Scoring, Training, score_group
from mood_sweeps.planner.plan import Cell, Plan, Representation
from mood_sweeps.planner.stage import Stage
from mood_sweeps.store import Ref

__all__ = ["calls_for", "group_of"]


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
    by_group: dict[str, list[Cell]] = {}
    groups: dict[int, str] = {id(item): group_of(item) for item in plan.representations}
    for cell in open_cells:
        by_group.setdefault(groups[id(cell.representation)], []).append(cell)
    calls: dict[str, Call] = {}
    extractions: dict[Ref, dict[str, Stage]] = {}
    scorings: list[Call] = []
    for group, cells in by_group.items():
        representation = cells[0].representation
        scorings.append(_scoring(group, representation, cells, find_image_set))
        missing = [bank for bank in _banks(representation, cells) if not is_there(bank.ref)]
        if missing:
            extractions.setdefault(representation.checkpoint.ref, {}).update(
                {bank.key: bank for bank in missing}
            )
        if missing or representation.head_set is not None:
            for call in _training(representation.chain, is_there):
                calls.setdefault(call.key, call)
    for checkpoint, banks in extractions.items():
        call = _extraction(checkpoint, tuple(banks.values()))
        calls[call.key] = call
    return (*calls.values(), *scorings)


def group_of(representation: Representation) -> str:
    """Return the scoring group of a representation."""
    banks = representation.banks
    id_set = representation.id_set
    return score_group(banks[id_set, "train"].key, banks[id_set, "test"].key)


def _banks(representation: Representation, cells: Iterable[Cell]) -> list[Stage]:
    id_set = representation.id_set
    banks = [representation.banks[id_set, "train"], representation.banks[id_set, "test"]]
    for ood_set in dict.fromkeys(cell.pair.ood_set for cell in cells):
        banks.append(representation.banks[ood_set, "all"])
    return banks


def _training(chain: tuple[Stage, ...], is_there: Callable[[Ref], bool]) -> list[Call]:
    """Return the calls of the missing tail of a chain: what is there needs no ancestors."""
    calls: list[Call] = []
    for stage in reversed(chain):
        if is_there(stage.ref):
            break
        calls.append(
            Call(
                key=stage.key,
                kind=stage.kind,
                label=stage.label,
                method=stage.method,
                work=Training(stage),
                needs=stage.inputs,
                makes=(stage.ref,),
                units=1,
            )
        )
    return calls[::-1]


def _extraction(checkpoint: Ref, stages: tuple[Stage, ...]) -> Call:
    first = stages[0]
    return Call(
        # Leased by checkpoint, not by banks: another launch that extracts other banks of the
        # same checkpoint would load the same network beside this one.
        key=f"extract-{checkpoint.key}",
        kind="extract",
        label=first.label.split(" of ", 1)[1],
        method="extract",
        work=Extraction(checkpoint, stages),
        needs=(checkpoint,),
        makes=tuple(stage.ref for stage in stages),
        units=len(stages),
    )


def _scoring(
    group: str,
    representation: Representation,
    cells: list[Cell],
    find_image_set: Callable[[str], ImageSet],
) -> Call:
    banks = representation.banks
    id_set = representation.id_set
    classes = {name: find_image_set(name).classes for name in {cell.pair.ood_set for cell in cells}}
    evaluations = tuple(
        Evaluation(
            scorer=cell.scorer,
            fit_key=cell.fit_key,
            id_scores_key=cell.id_scores_key,
            ood_scores_key=cell.ood_scores_key,
            score_key=cell.score_key,
            ood_bank=banks[cell.pair.ood_set, "all"].ref,
            ood_classes=classes[cell.pair.ood_set],
        )
        for cell in cells
    )
    return Call(
        key=f"score-{group}",
        kind="score",
        label=f"{representation.label} on {id_set}",
        method="score",
        work=Scoring(
            group=group,
            checkpoint=representation.checkpoint.ref,
            train_bank=banks[id_set, "train"].ref,
            id_bank=banks[id_set, "test"].ref,
            id_classes=find_image_set(id_set).classes,
            predictions=representation.predictions,
            evaluations=evaluations,
        ),
        needs=(
            *(bank.ref for bank in _banks(representation, cells)),
            # The head lies with its checkpoint.
            *([representation.checkpoint.ref] if representation.head_set is not None else []),
        ),
        makes=(),
        units=len(cells),
    )
