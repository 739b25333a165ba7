"""The axes of an experiment file: lists of choices, checked against the catalogues."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mood_sweeps.choice import Choice, choose
from mood_sweeps.errors import InputError
from mood_sweeps.identity import canonical
from mood_sweeps.spec.catalogues import Catalogues
from mood_sweeps.spec.part import Part, kind_of
from mood_sweeps.spec.sweep import Finetune
from mood_sweeps.spec.user_scorers import UserScorers

__all__ = ["Axes", "read_axes", "read_finetune"]

T = TypeVar("T")

_REQUIRED = ("pretext", "backbone", "finetune", "scorer")
_LARGEST_SEED = 2**63 - 1  # what a column of the results database holds


@dataclass(frozen=True)
class Axes:
    """The values of every axis, in file order; ``flawed`` names the axes that had problems."""

    pretext: tuple[Choice, ...]
    backbone: tuple[Choice, ...]
    finetune: tuple[Finetune, ...]
    scorer: tuple[Choice, ...]
    seed: tuple[int, ...]
    flawed: frozenset[str]


def read_axes(part: Part | None, catalogues: Catalogues, user: UserScorers) -> Axes:
    """Read ``axes:``, noting every problem on the way. ``seed`` defaults to ``[0]``."""
    entries = part and part.entries("'axes'", "axis", (*_REQUIRED, "seed"), _REQUIRED)
    reader = _Reader(entries or {})
    scorers = {**catalogues.scorers, **user.kinds}

    def scorer(raw: Any) -> Choice | None:
        if not user.complete and _name_of(raw) not in scorers:
            return None
        choice = choose(raw, scorers, "scorer")
        digest = user.digests.get(choice.name, "")
        return _reproducible(dataclasses.replace(choice, digest=digest))

    def pretext(raw: Any) -> Choice:
        return _reproducible(choose(raw, catalogues.pretexts, "pretext"))

    def backbone(raw: Any) -> Choice:
        return _reproducible(catalogues.backbone(raw))

    def finetune(raw: Any) -> Finetune:
        return read_finetune(raw, catalogues)

    return Axes(
        pretext=reader.axis("pretext", "mocov3", pretext, _label),
        backbone=reader.axis("backbone", "vit_nano", backbone, _label),
        finetune=reader.axis("finetune", "pt+ft", finetune, _label),
        scorer=reader.axis("scorer", "msp", scorer, _label),
        seed=reader.axis("seed", "0", _seed, str) if "seed" in reader.entries else (0,),
        flawed=frozenset(reader.flawed),
    )


class _Reader:
    """Reads one axis after another, remembering which of them are flawed."""

    def __init__(self, entries: Mapping[str, Part]) -> None:
        self.entries = entries
        self.flawed: set[str] = set()

    def axis(
        self,
        axis: str,
        example: str,
        read: Callable[[Any], T | None],
        label: Callable[[T], str],
    ) -> tuple[T, ...]:
        """Read a list whose items ``read`` understands and whose labels differ.

        ``read`` returns None for an item that cannot be judged, which leaves the axis flawed.
        """
        part = self.entries.get(axis)
        values: dict[str, T] = {}
        lines: dict[str, str] = {}
        for item in part.items(f"axis {axis!r}", example) if part else []:
            try:
                value = read(item.value)
            except InputError as error:
                item.complain_of(error)
                value = None
            if value is None:
                self.flawed.add(axis)
            elif (name := label(value)) in values:
                item.complain(f"{axis} {name!r} is listed twice (first at {lines[name]})")
            else:
                values[name], lines[name] = value, item.place.text
        if not values:
            self.flawed.add(axis)
        return tuple(values.values())


def read_finetune(raw: Any, catalogues: Catalogues) -> Finetune:
    """Read one value of the finetune axis, ``pt`` or ``pt+ft``; InputError if it is none."""
    stages = catalogues.finetune(raw)
    for stage in stages:
        _reproducible(stage)
    return Finetune("+".join(("pt", *(stage.label for stage in stages))), stages)


def _label(value: Choice | Finetune) -> str:
    return value.label


def _reproducible(choice: Choice) -> Choice:
    try:
        canonical(choice.content)
    except (TypeError, ValueError) as error:
        raise InputError(f"{choice.name!r} has no reproducible form: {error}") from None
    return choice


def _seed(raw: Any) -> int:
    if type(raw) is not int or not 0 <= raw <= _LARGEST_SEED:
        raise InputError(
            f"a seed must be a whole number from 0 to {_LARGEST_SEED}, not {kind_of(raw)}"
        )
    return raw


def _name_of(raw: Any) -> Any:
    return next(iter(raw), None) if isinstance(raw, dict) else raw
