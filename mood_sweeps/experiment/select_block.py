"""``select:``: whether the best setting of each scorer's grid is selected, and on which sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from mood_sweeps.experiment.axes import Axes
from mood_sweeps.experiment.sweep import Selected
from mood_sweeps.experiment.yaml_node import YamlNode

__all__ = ["ON", "ValidationSets", "read_select"]

ON = "id_val+ood_val"
"""The one way to select: by AUROC of the ID set's validation split against its ``ood_val``."""


@dataclass(frozen=True)
class ValidationSets:
    """The validation sets of an ID set. part: its place in the file.

    ood_val: None where none was listed, empty where none of the listed ones can be used.
    """

    id_set: str
    part: YamlNode
    has_val: bool
    ood_val: tuple[str, ...] | None


def read_select(part: YamlNode | None, axes: Axes, sets: Iterable[ValidationSets]) -> Axes:
    """Return the axes with one ``Selected`` scorer for every grid, if the file has ``select:``.

    Notes if no scorer has a grid, ID sets without validation sets, and an ``ood_val`` that is not
    used.
    """
    if part is None:
        for one in sets:
            if one.ood_val:
                one.part.add_problem(
                    f"'ood_val' of {one.id_set!r} ({', '.join(one.ood_val)}) is not used: "
                    f"add select: {{on: {ON}}}"
                )
        return axes
    entries = part.entries("'select'", "key of 'select'", ("on",), ("on",))
    if entries is None or "on" not in entries:
        return axes
    on = entries["on"].text("'on'")
    if on is not None and on.replace(" ", "") != ON:
        entries["on"].add_problem(f"settings are selected on {ON!r}, not on {on!r}")
    if not axes.grids and "scorer" not in axes.flawed:
        part.add_problem(
            "there is nothing to select: no scorer has a grid, such as {knn: {k: [1, 10, 50]}}"
        )
    for one in sets:
        if not one.has_val:
            one.part.add_problem(f"'select' needs a validation split, and {one.id_set!r} has none")
        if one.ood_val is None:
            one.part.add_problem(
                f"'select' needs OOD validation sets for {one.id_set!r}, such as "
                "ood_val: [textures]"
            )
    return dataclasses.replace(axes, scorer=(*axes.scorer, *_selected(part, axes)))


def _selected(part: YamlNode, axes: Axes) -> tuple[Selected, ...]:
    selected: dict[str, Selected] = {}
    for grid in axes.grids:
        one = Selected(tuple(sorted(grid, key=lambda choice: choice.label)))
        if one.name in selected:
            part.add_problem(f"scorer {one.name!r} has two grids; select needs exactly one")
        selected[one.name] = one
    return tuple(selected.values())
