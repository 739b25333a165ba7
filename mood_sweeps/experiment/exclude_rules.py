"""The exclude rules of an experiment file, spelled out against its axes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import Choice, did_you_mean
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.axes import Axes, read_finetunes
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.experiment.sweep import (
    GIVEN_BACKBONE,
    GIVEN_FINETUNE,
    RULE_AXES,
    Features,
    Pair,
    Rule,
    Selected,
)
from mood_sweeps.experiment.yaml_node import YamlNode, kind_of

__all__ = ["AxisValues", "read_rules"]

_Labels = Mapping[str | int, tuple[str | int, ...]]
_EXAMPLE = "{backbone: resnet_nano, scorer: vim}"


@dataclass(frozen=True)
class AxisValues:
    """What a rule can name. labels: for each axis, from a word to the labels it stands for.

    flawed: the axes with values that had problems, and may be unknown for that reason.
    """

    labels: Mapping[str, _Labels]
    flawed: frozenset[str]

    @classmethod
    def trained(cls, axes: Axes, pairs: Iterable[Pair], *, pairs_flawed: bool) -> AxisValues:
        """Return those of representations that are trained."""
        trained = {
            "pretext": _choices(axes.pretext),
            "backbone": _choices(axes.backbone),
            "finetune": _plain(finetune.label for finetune in axes.finetune),
            "seed": _plain(axes.seed),
        }
        return cls._of(trained, axes, tuple(pairs), {"id", "ood", "distance"}, pairs_flawed)

    @classmethod
    def given(
        cls, axes: Axes, features: Iterable[Features], *, features_flawed: bool
    ) -> AxisValues:
        """Return those of features that are given."""
        features = tuple(features)
        given = {
            "pretext": _plain(one.name for one in features),
            "backbone": _plain([GIVEN_BACKBONE]),
            "finetune": _plain([GIVEN_FINETUNE]),
            "seed": {},
        }
        pairs = tuple(pair for one in features for pair in one.pairs)
        return cls._of(given, axes, pairs, {"pretext", "id", "ood", "distance"}, features_flawed)

    @classmethod
    def _of(
        cls,
        representations: Mapping[str, _Labels],
        axes: Axes,
        pairs: tuple[Pair, ...],
        doubtful: set[str],
        are_flawed: bool,
    ) -> AxisValues:
        labels = {
            **representations,
            "scorer": _choices(axes.scorer),
            "id": _plain(pair.id_set for pair in pairs),
            "ood": _plain(pair.ood_set for pair in pairs),
            "distance": _plain(pair.distance for pair in pairs),
        }
        return cls(labels, axes.flawed | (doubtful if are_flawed else frozenset()))


def read_rules(
    part: YamlNode | None, values: AxisValues, catalogues: Catalogues
) -> tuple[Rule, ...]:
    """Read ``exclude:``, noting values that are on no axis and rules that say nothing new.

    A value is looked up as a choice's name, which stands for all its labels, or as one full
    label. Values of an axis that had problems of its own are not judged.
    """
    reader = _Reader(values, catalogues)
    rules: dict[object, Rule] = {}
    for item in part.items("'exclude'", _EXAMPLE) if part else []:
        rule = reader.read(item)
        if rule and rule.matches in rules:
            item.add_problem(f"this rule repeats the one at {rules[rule.matches].where}")
        elif rule:
            rules[rule.matches] = rule
    return tuple(rules.values())


class _Reader:
    """Reads rules, knowing what every written value stands for."""

    def __init__(self, values: AxisValues, catalogues: Catalogues) -> None:
        self.flawed = values.flawed
        self.labels = values.labels
        # Two spellings of one finetune or image set are one value.
        self.respell: dict[str, Callable[[Any], str]] = {
            "finetune": lambda text: read_finetunes(text, catalogues)[0].label,
            "id": lambda text: catalogues.image_set(text).name,
            "ood": lambda text: catalogues.image_set(text).name,
        }

    def read(self, item: YamlNode) -> Rule | None:
        entries = item.entries("an exclude rule", "axis of a rule", RULE_AXES)
        if entries is None:
            return None
        if not item.value:
            item.add_problem(f"an exclude rule names at least one axis, such as {_EXAMPLE}")
            return None
        matches = {axis: self._values(axis, part) for axis, part in entries.items()}
        if len(matches) < len(item.value) or not all(matches.values()):
            return None
        label = ", ".join(f"{axis}: {_written(part.value)}" for axis, part in entries.items())
        return Rule(
            tuple((axis, matches[axis]) for axis in RULE_AXES if axis in matches),
            item.place.text,
            f"exclude {{{label}}}",
        )

    def _values(self, axis: str, part: YamlNode) -> tuple[str | int, ...]:
        """Return the labels that a rule's value or values stand for, in the axis's order."""
        parts = part.items(f"{axis!r} of a rule", "…") if isinstance(part.value, list) else [part]
        found: set[str | int] = set()
        for one in parts:
            labels = self._labels_of(axis, one)
            if labels and found.issuperset(labels):
                one.add_problem(f"{axis} {one.value!r} is listed twice in this rule")
            found.update(labels)
        on_axis = [label for labels in self.labels[axis].values() for label in labels]
        return tuple(label for label in dict.fromkeys(on_axis) if label in found)

    def _labels_of(self, axis: str, part: YamlNode) -> tuple[str | int, ...]:
        value: Any = part.value
        wanted = int if axis == "seed" else str
        if type(value) is not wanted:
            kind = "a number" if axis == "seed" else "a name or label"
            part.add_problem(f"{axis!r} of a rule must be {kind} or a list, not {kind_of(value)}")
            return ()
        known = self.labels[axis]
        if value not in known and axis in self.respell:
            # What is unknown anywhere is unknown on this axis too, and said so below.
            with contextlib.suppress(InputError):
                value = self.respell[axis](value)
        if value not in known and axis not in self.flawed:
            allowed = did_you_mean(str(value), map(str, known))
            part.add_problem(f"no {axis} {part.value!r} in this sweep{allowed}")
        return known.get(value, ())


def _choices(choices: tuple[Choice | Selected, ...]) -> _Labels:
    labels: dict[str | int, tuple[str | int, ...]] = {}
    for choice in choices:
        labels[choice.name] = (*labels.get(choice.name, ()), choice.label)
    return {**{choice.label: (choice.label,) for choice in choices}, **labels}


def _plain(values: Iterable[str | int]) -> _Labels:
    return {value: (value,) for value in values}


def _written(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
