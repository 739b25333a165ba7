"""A sweep: the axes, pairs and rules of one experiment file, resolved and checked. Inert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mood_sweeps.choice import Choice
from mood_sweeps.plugins.declared_scorers import Plugin

__all__ = [
    "GIVEN_BACKBONE",
    "GIVEN_FINETUNE",
    "RULE_AXES",
    "Distance",
    "ExternalSet",
    "Features",
    "Finetune",
    "GivenFiles",
    "Pair",
    "Rule",
    "Selected",
    "Sweep",
]

Distance = Literal["near", "far"]

RULE_AXES = ("pretext", "backbone", "finetune", "scorer", "seed", "id", "ood", "distance")
"""What an exclude rule can name: the axes, and the three parts of a pair."""

GIVEN_BACKBONE, GIVEN_FINETUNE = "features", "given"
"""What rows say in these columns of features that were given; their seed is NULL."""


@dataclass(frozen=True)
class Finetune:
    """One value of the finetune axis: the training stages after the pretext task.

    label: as tables call it, ``pt`` or ``pt+ft``. stages: in order; none for ``pt``.
    """

    label: str
    stages: tuple[Choice, ...]


@dataclass(frozen=True)
class Selected:
    """The best of a grid's choices, found anew for every representation on validation sets.

    candidates: the grid, by label: of two that are equally good the first is taken, whichever way
        the grid was written.
    """

    candidates: tuple[Choice, ...]

    @property
    def name(self) -> str:
        """The scorer's name."""
        return self.candidates[0].name

    @property
    def label(self) -> str:
        """How rows and tables call it: ``gen(selected)``."""
        return f"{self.name}(selected)"

    @property
    def parameters(self) -> Any:
        """What all candidates have in common: their needs."""
        return self.candidates[0].parameters

    @property
    def content(self) -> dict[str, Any]:
        """What a revision's digest is taken of."""
        return {"select": [choice.content for choice in self.candidates]}


@dataclass(frozen=True)
class Pair:
    """One ID set and one OOD set, by their canonical names, and how far apart they are meant."""

    id_set: str
    ood_set: str
    distance: Distance


GivenFiles = tuple[tuple[str, str], ...]
"""(role, path) of the files of one set or head; the first, ``file``, may hold all of it."""


@dataclass(frozen=True)
class ExternalSet:
    """One set of features in the user's files, as these describe themselves.

    has_logits: its own, or those that a head gives it.
    """

    files: GivenFiles
    has_labels: bool
    has_logits: bool


@dataclass(frozen=True)
class Features:
    """A representation of the user's own, as features of one ID set and of OOD sets.

    name: its label in rows. sets: by (set, split) as banks are: ``train``, ``test`` and maybe
    ``val`` of the ID set, ``all`` of OOD sets. pairs: what is tested. ood_val: OOD validation
    sets. where: ``file:line``.
    """

    name: str
    id_set: str
    head: GivenFiles | None
    sets: Mapping[tuple[str, str], ExternalSet]
    pairs: tuple[Pair, ...]
    ood_val: tuple[str, ...]
    where: str = field(compare=False)

    @property
    def content(self) -> dict[str, Any]:
        """What it consists of, as plain data."""
        return {
            "head": self.head,
            "sets": {f"{name}/{split}": one.files for (name, split), one in self.sets.items()},
            "pairs": sorted([pair.ood_set, pair.distance] for pair in self.pairs),
            "ood_val": sorted(self.ood_val),
        }


@dataclass(frozen=True)
class Rule:
    """Removes the cells that have, on every named axis, one of the named values.

    matches: (axis, values) in the order of ``RULE_AXES``; values are full labels of that axis,
        a bare choice name having been spelled out into all labels it stands for.
    where: ``file:line``. label: the rule as it was written, which is what its count is shown by.
    """

    matches: tuple[tuple[str, tuple[str | int, ...]], ...]
    where: str = field(compare=False)
    label: str = field(compare=False)

    def may_match(self, **values: Choice | Selected | str | int | None) -> bool:
        """Return whether cells with these axis values can match; axes left out are unknown.

        A choice is compared by its label. With every axis of the rule given, it does match.
        """
        for axis, allowed in self.matches:
            if axis in values:
                value = values[axis]
                if (value.label if isinstance(value, (Choice, Selected)) else value) not in allowed:
                    return False
        return True


@dataclass(frozen=True)
class Sweep:
    """One experiment file, resolved against the catalogues.

    features: representations of the user's own; then there are no pretexts, backbones, finetunes,
        seeds and pairs beside them.
    corpus: the image set that pretext tasks see; None for the train split of each pair's ID set.
    intermediate: the labelled set of intermediate fine-tuning; None where it is the corpus.
    ensemble: whether the seeds of each representation are joined into one more.
    ood_val: OOD validation sets by ID set, which ``Selected`` scorers are selected on; none of
        them is tested against that ID set.
    source: the file's text after overrides, for the records. where: the file's name.
    """

    name: str
    corpus: str | None
    plugins: tuple[Plugin, ...]
    pretexts: tuple[Choice, ...]
    backbones: tuple[Choice, ...]
    finetunes: tuple[Finetune, ...]
    scorers: tuple[Choice | Selected, ...]
    seeds: tuple[int, ...]
    pairs: tuple[Pair, ...]
    ood_val: Mapping[str, tuple[str, ...]]
    exclude: tuple[Rule, ...]
    source: str = field(repr=False)
    where: str
    features: tuple[Features, ...] = ()
    intermediate: str | None = None
    ensemble: bool = False

    @property
    def intermediate_set(self) -> str | None:
        """The labelled set that intermediate fine-tuning sees, None if the sweep names none.

        Where only a corpus is named it is both, as ImageNet-22k is in MOODv1.
        """
        return self.intermediate or self.corpus

    @property
    def content(self) -> dict[str, Any]:
        """All that the file says about which cells there are, as plain data.

        Names, comments and the order of anything listed are out: they change no cell.
        """
        given = {f"{one.name} on {one.id_set}": one.content for one in self.features}
        return {
            **({"features": given} if given else {}),
            **({"intermediate": self.intermediate} if self.intermediate else {}),
            **({"ensemble": True} if self.ensemble else {}),
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
            "ood_val": {id_set: sorted(names) for id_set, names in self.ood_val.items()},
            "exclude": sorted(
                [[axis, sorted(values, key=str)] for axis, values in rule.matches]
                for rule in self.exclude
            ),
        }


def _by_label(choices: tuple[Choice | Selected, ...]) -> dict[str, dict[str, Any]]:
    return {choice.label: choice.content for choice in choices}
