"""The axes of an experiment file: lists of choices, checked against the catalogues."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mood_sweeps.choice import Choice, Parameters
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.experiment.check_exposure import checked_exposure
from mood_sweeps.experiment.check_weights import checked_weights
from mood_sweeps.experiment.plugins_block import UserScorers
from mood_sweeps.experiment.sweep import Finetune, Selected
from mood_sweeps.experiment.yaml_node import YamlNode, kind_of
from mood_sweeps.identity import canonical
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.scorers import NOT_SCORERS

__all__ = ["Axes", "read_axes", "read_finetunes", "read_scorer_axis"]

T = TypeVar("T")
P = TypeVar("P", bound=Parameters)

_TRAINED = ("pretext", "backbone", "finetune")
EVERY_SCORER = "all"
"""An item of the scorer axis that stands for every scorer of the catalogue, with its defaults."""

_LARGEST_SEED = 2**63 - 1  # the largest value of the database column


@dataclass(frozen=True)
class Axes:
    """The values of every axis, in file order; ``flawed`` names the axes that had problems.

    grids: scorers that one item of the file stands for.
    """

    pretext: tuple[Choice[Pretext], ...]
    backbone: tuple[Choice[Backbone], ...]
    finetune: tuple[Finetune, ...]
    scorer: tuple[Choice[AnyScorer] | Selected, ...]
    seed: tuple[int, ...]
    flawed: frozenset[str]
    grids: tuple[tuple[Choice[AnyScorer], ...], ...] = ()


def read_axes(
    part: YamlNode | None, catalogues: Catalogues, user_scorers: UserScorers, folder: Path
) -> Axes:
    """Read ``axes:``, noting every problem on the way. ``seed`` defaults to ``[0]``.

    folder: the base of relative paths of weight files.
    """
    required = (*_TRAINED, "scorer")
    entries = part and part.entries("'axes'", "axis", (*required, "seed"), required)
    reader = _Reader(entries or {})
    scorers, grids = _read_scorers(reader, catalogues, user_scorers)

    def pretext(raw: Any) -> list[Choice[Pretext]]:
        chosen = [_reproducible(one) for one in catalogues.pretexts(raw)]
        return [checked_weights(one, catalogues, folder) for one in chosen]

    def backbone(raw: Any) -> list[Choice[Backbone]] | None:
        chosen = user_scorers.choose(raw, "backbones", catalogues.backbones)
        return None if chosen is None else [_reproducible(one) for one in chosen]

    def finetune(raw: Any) -> list[Finetune]:
        return read_finetunes(raw, catalogues)

    return Axes(
        pretext=reader.axis("pretext", "mocov3", pretext, _label),
        backbone=reader.axis("backbone", "vit_nano", backbone, _label),
        finetune=reader.axis("finetune", "pt+ft", finetune, _label),
        scorer=scorers,
        seed=reader.axis("seed", "0", _seed, str) if "seed" in reader.entries else (0,),
        flawed=frozenset(reader.flawed),
        grids=grids,
    )


def read_scorer_axis(
    part: YamlNode | None, catalogues: Catalogues, user_scorers: UserScorers
) -> Axes:
    """Read the ``axes:`` of external features, which have a scorer axis only."""
    entries = part and part.entries("'axes'", "axis", ("scorer", *_TRAINED, "seed"), ("scorer",))
    for axis, written in (entries or {}).items():
        if axis != "scorer":
            written.add_problem(
                f"{axis!r} is an axis of representations that are trained, and these features are "
                "given: with 'features' the only axis is 'scorer'"
            )
    reader = _Reader(entries or {})
    scorers, grids = _read_scorers(reader, catalogues, user_scorers)
    return Axes((), (), (), scorers, (), frozenset(reader.flawed), grids)


def _read_scorers(
    reader: _Reader, catalogues: Catalogues, user_scorers: UserScorers
) -> tuple[tuple[Choice[AnyScorer], ...], tuple[tuple[Choice[AnyScorer], ...], ...]]:
    """Return the scorers, and the grids among them: items that stand for several scorers."""
    built_in = catalogues.scorers
    grids: list[tuple[Choice[AnyScorer], ...]] = []

    def scorer(raw: Any) -> list[Choice[AnyScorer]] | None:
        name = _name_of(raw)
        if isinstance(name, str):
            known = (
                name == EVERY_SCORER or name in built_in or name in user_scorers.open_plugins.names
            )
            # Only for an unknown name: searching all installed packages takes a while.
            known = known or user_scorers.open_plugins.add_installed(name)
            if not user_scorers.all_loaded and not known:
                return None
            if name in NOT_SCORERS and not known:
                raise InputError(NOT_SCORERS[name])
        named = [{name: None} for name in built_in] if raw == EVERY_SCORER else [raw]
        chosen = [
            _reproducible(choice)
            for one in named
            for choice in user_scorers.open_plugins.choose_all(one, built_in)
        ]
        if len(named) == 1 and len(chosen) > 1:
            grids.append(tuple(chosen))
        return chosen

    return reader.axis("scorer", "msp", scorer, _label), tuple(grids)


class _Reader:
    """Reads one axis after another and remembers which of them are flawed."""

    def __init__(self, entries: Mapping[str, YamlNode]) -> None:
        self.entries = entries
        self.flawed: set[str] = set()

    def axis(
        self,
        axis: str,
        example: str,
        read: Callable[[Any], Sequence[T] | None],
        label: Callable[[T], str],
    ) -> tuple[T, ...]:
        """Read a list of items with ``read``; a grid gives several values; labels must differ.

        ``read`` returns None for an item that cannot be checked; the axis is then flawed.
        """
        part = self.entries.get(axis)
        values: dict[str, T] = {}
        lines: dict[str, str] = {}
        for item in part.items(f"axis {axis!r}", example) if part else []:
            try:
                read_values = read(item.value)
            except InputError as error:
                item.add_problem_of(error)
                read_values = None
            if read_values is None:
                self.flawed.add(axis)
            for value in read_values or ():
                if (name := label(value)) in values:
                    item.add_problem(f"{axis} {name!r} is listed twice (first at {lines[name]})")
                else:
                    values[name], lines[name] = value, item.place.text
        if not values:
            self.flawed.add(axis)
        return tuple(values.values())


def read_finetunes(raw: Any, catalogues: Catalogues) -> list[Finetune]:
    """Read one item of the finetune axis, ``pt`` or ``pt+ft``; raise InputError if it is wrong."""
    chain = str(_name_of(raw))
    found = []
    for stages in catalogues.finetunes(raw):
        try:
            checked = tuple(checked_exposure(_reproducible(stage), catalogues) for stage in stages)
        except InputError as error:
            raise InputError(
                dataclasses.replace(one, inside=(chain, *one.inside)) for one in error.problems
            ) from None
        found.append(Finetune("+".join(("pt", *(stage.label for stage in checked))), checked))
    return found


def _label(value: Choice[Parameters] | Finetune | Selected) -> str:
    return value.label


def _reproducible(choice: Choice[P]) -> Choice[P]:
    try:
        canonical(choice.content)
    except (TypeError, ValueError) as error:
        raise InputError(f"{choice.name!r} has no reproducible form: {error}") from None
    return choice


def _seed(raw: Any) -> list[int]:
    if type(raw) is not int or not 0 <= raw <= _LARGEST_SEED:
        raise InputError(
            f"a seed must be a whole number from 0 to {_LARGEST_SEED}, not {kind_of(raw)}"
        )
    return [raw]


def _name_of(raw: Any) -> Any:
    return next(iter(raw), None) if isinstance(raw, dict) else raw
