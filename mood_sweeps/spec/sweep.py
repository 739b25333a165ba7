"""A sweep: the axes, pairs and rules of one experiment file, resolved and checked. Inert."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mood_sweeps.choice import Choice

__all__ = ["RULE_AXES", "Distance", "Finetune", "Pair", "Plugin", "Rule", "Sweep"]

Distance = Literal["near", "far"]

RULE_AXES = ("pretext", "backbone", "finetune", "scorer", "seed", "id", "ood", "distance")
"""What an exclude rule can name: the axes, and the three parts of a pair."""


@dataclass(frozen=True)
class Finetune:
    """One value of the finetune axis: the training stages after the pretext task.

    label: as tables call it, ``pt`` or ``pt+ft``. stages: in order; none for ``pt``.
    """

    label: str
    stages: tuple[Choice, ...]


@dataclass(frozen=True)
class Pair:
    """One ID set and one OOD set, by their canonical names, and how far apart they are meant."""

    id_set: str
    ood_set: str
    distance: Distance


@dataclass(frozen=True)
class Rule:
    """Removes the cells whose every named axis has one of the named values.

    matches: (axis, values) in the order of ``RULE_AXES``; values are full labels of that axis,
        a bare choice name having been spelled out into all labels it stands for.
    where: ``file:line``. label: the rule as it was written, which is what its count is shown by.
    """

    matches: tuple[tuple[str, tuple[str | int, ...]], ...]
    where: str = field(compare=False)
    label: str = field(compare=False)

    def may_match(self, **values: Choice | str | int) -> bool:
        """Return whether cells with these axis values can match; axes left out are unknown.

        A choice is compared by its label. With every axis of the rule given, it does match.
        """
        for axis, allowed in self.matches:
            if axis in values:
                value = values[axis]
                if (value.label if isinstance(value, Choice) else value) not in allowed:
                    return False
        return True


@dataclass(frozen=True)
class Plugin:
    """A user's file of scorers, carried whole.

    path: as written in the sweep's file. digest: SHA-256 of the file's bytes. text: its source;
        a worker runs exactly what the digest in the keys names, on any host, even if the file was
        edited after the launch.
    """

    path: str
    digest: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Sweep:
    """One experiment file, resolved against the catalogues.

    corpus: the image set that pretext tasks see; None for the train split of each pair's ID set.
    source: the file's text after overrides, for the records. where: the file's name.
    """

    name: str
    corpus: str | None
    plugins: tuple[Plugin, ...]
    pretexts: tuple[Choice, ...]
    backbones: tuple[Choice, ...]
    finetunes: tuple[Finetune, ...]
    scorers: tuple[Choice, ...]
    seeds: tuple[int, ...]
    pairs: tuple[Pair, ...]
    exclude: tuple[Rule, ...]
    source: str = field(repr=False)
    where: str

    @property
    def content(self) -> dict[str, Any]:
        """What a revision's digest is taken of: all that decides which cells there are.

        Names, comments and the order of anything listed are out: they change no cell.
        """
        return {
            "corpus": self.corpus,
            "pretext": _by_label(self.pretexts),
            "backbone": _by_label(self.backbones),
            "finetune": {
                finetune.label: [stage.content for stage in finetune.stages]
                for finetune in self.finetunes
            },
            "scorer": _by_label(self.scorers),
            "seed": sorted(self.seeds),
            "pairs": sorted([pair.id_set, pair.ood_set, pair.distance] for pair in self.pairs),
            "exclude": sorted(
                [[axis, sorted(values, key=str)] for axis, values in rule.matches]
                for rule in self.exclude
            ),
        }


def _by_label(choices: tuple[Choice, ...]) -> dict[str, dict[str, Any]]:
    return {choice.label: choice.content for choice in choices}
