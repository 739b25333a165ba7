"""The exclude rules of an experiment file, resolved to the labels of its axes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import Choice, Parameters, did_you_mean
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.axes import Axes, read_finetunes
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.experiment.sweep import (
    EXTERNAL_BACKBONE,
    EXTERNAL_FINETUNE,
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
    """The values that a rule can name. labels: by axis, from a word to the labels it stands for.

    flawed: the axes with problems of their own; a value of these may be unknown for that reason.
    """

    labels: Mapping[str, _Labels]
    flawed: frozenset[str]

    @classmethod
    def of_trained(cls, axes: Axes, pairs: Iterable[Pair], *, pairs_flawed: bool) -> AxisValues:
        """Return the values of representations that are trained."""
        representations = {
            "pretext": _labels_of_choices(axes.pretext),
            "backbone": _labels_of_choices(axes.backbone),
            "finetune": _labels_of_values(finetune.label for finetune in axes.finetune),
            "seed": _labels_of_values(axes.seed),
        }
        return cls._of(representations, axes, tuple(pairs), {"id", "ood", "distance"}, pairs_flawed)

    @classmethod
    def of_external(
        cls, axes: Axes, features: Iterable[Features], *, features_flawed: bool
    ) -> AxisValues:
        """Return the values of external features."""
        features = tuple(features)
        representations = {
            "pretext": _labels_of_values(one.name for one in features),
            "backbone": _labels_of_values([EXTERNAL_BACKBONE]),
            "finetune": _labels_of_values([EXTERNAL_FINETUNE]),
            "seed": {},
        }
        pairs = tuple(pair for one in features for pair in one.pairs)
        return cls._of(
            representations, axes, pairs, {"pretext", "id", "ood", "distance"}, features_flawed
        )

    @classmethod
    def _of(
        cls,
        representations: Mapping[str, _Labels],
        axes: Axes,
        pairs: tuple[Pair, ...],
        axes_of_pairs: set[str],
        pairs_flawed: bool,
    ) -> AxisValues:
        labels = {
            **representations,
            "scorer": _labels_of_choices(axes.scorer),
            "id": _labels_of_values(pair.id_set for pair in pairs),
            "ood": _labels_of_values(pair.ood_set for pair in pairs),
            "distance": _labels_of_values(pair.distance for pair in pairs),
        }
        return cls(labels, axes.flawed | (axes_of_pairs if pairs_flawed else frozenset()))


def read_rules(
    part: YamlNode | None, values: AxisValues, catalogues: Catalogues
) -> tuple[Rule, ...]:
    """Read ``exclude:``, noting values that are on no axis and rules that repeat another.

    A value is the name of a choice, which stands for all its labels, or one full label. Values of
    a flawed axis are not checked.
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
    """Reads rules and resolves their values to labels."""

    def __init__(self, values: AxisValues, catalogues: Catalogues) -> None:
        self.flawed = values.flawed
        self.labels = values.labels
        # Two spellings of one finetune or image set are one value.
        self.canonical_label: dict[str, Callable[[Any], str]] = {
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
        expected_type = int if axis == "seed" else str
        if type(value) is not expected_type:
            kind = "a number" if axis == "seed" else "a name or label"
            part.add_problem(f"{axis!r} of a rule must be {kind} or a list, not {kind_of(value)}")
            return ()
        known = self.labels[axis]
        if value not in known and axis in self.canonical_label:
            # An invalid value is unknown on this axis too, which is noted below.
            with contextlib.suppress(InputError):
                value = self.canonical_label[axis](value)
        if value not in known and axis not in self.flawed:
            allowed = did_you_mean(str(value), map(str, known))
            part.add_problem(f"no {axis} {part.value!r} in this sweep{allowed}")
        return known.get(value, ())


def _labels_of_choices(choices: Iterable[Choice[Parameters] | Selected]) -> _Labels:
    labels: dict[str | int, tuple[str | int, ...]] = {}
    for choice in choices:
        labels[choice.name] = (*labels.get(choice.name, ()), choice.label)
    return {**{choice.label: (choice.label,) for choice in choices}, **labels}


def _labels_of_values(values: Iterable[str | int]) -> _Labels:
    return {value: (value,) for value in values}


def _written(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
