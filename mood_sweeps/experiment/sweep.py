"""A sweep: the axes, pairs and rules of one experiment file, resolved and checked; plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mood_sweeps.choice import Choice, Parameters
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.plugins.declared_scorers import AnyScorer, Plugin
from mood_sweeps.scoring.requirements import Lacks

__all__ = [
    "EXTERNAL_BACKBONE",
    "EXTERNAL_FINETUNE",
    "RULE_AXES",
    "Distance",
    "ExternalSet",
    "FeatureFiles",
    "Features",
    "Finetune",
    "Pair",
    "Rule",
    "Selected",
    "Sweep",
]

Distance = Literal["near", "far"]

RULE_AXES = ("pretext", "backbone", "finetune", "scorer", "seed", "id", "ood", "distance")
"""What an exclude rule can name: the axes, and the three parts of a pair."""

EXTERNAL_BACKBONE, EXTERNAL_FINETUNE = "features", "given"
"""The backbone and finetune columns of external features; their seed is NULL."""


@dataclass(frozen=True)
class Finetune:
    """One value of the finetune axis: the training stages after the pretext task.

    label: its name in tables, ``pt`` or ``pt+ft``. stages: in order; empty for ``pt``.
    """

    label: str
    stages: tuple[Choice[FinetuneStage], ...]


@dataclass(frozen=True)
class Selected:
    """The best of a grid's choices, selected for each representation on validation sets.

    candidates: the grid, in the order of labels: of equally good choices the first wins, so the
        order in the file does not matter.
    """

    candidates: tuple[Choice[AnyScorer], ...]

    @property
    def name(self) -> str:
        """The scorer's name."""
        return self.candidates[0].name

    @property
    def label(self) -> str:
        """Its name in rows and tables: ``gen(selected)``."""
        return f"{self.name}(selected)"

    @property
    def parameters(self) -> AnyScorer:
        """Parameters of the first candidate; for what all share, such as their needs."""
        return self.candidates[0].parameters

    @property
    def content(self) -> dict[str, Any]:
        """Its part of a revision's digest."""
        return {"select": [choice.content for choice in self.candidates]}


@dataclass(frozen=True)
class Pair:
    """One ID set and one OOD set, by canonical names, and whether they are near or far."""

    id_set: str
    ood_set: str
    distance: Distance


FeatureFiles = tuple[tuple[str, str], ...]
"""(role, path) of the files of one set or head; the first, ``file``, may hold all of it."""


@dataclass(frozen=True)
class ExternalSet:
    """One set of features in the user's files, as their headers describe it.

    lacks: what it lacks of labels and logits; a head gives logits.
    """

    files: FeatureFiles
    lacks: Lacks

    @property
    def has_labels(self) -> bool:
        """Whether its files hold labels."""
        return "labels" not in self.lacks

    @property
    def has_logits(self) -> bool:
        """Whether its files hold logits, or a head gives them."""
        return "logits" not in self.lacks


@dataclass(frozen=True)
class Features:
    """The user's own representation, as features of one ID set and of OOD sets.

    name: its label in rows. sets: by (set, split) as banks are: ``train``, ``test`` and maybe
    ``val`` of the ID set, ``all`` of OOD sets. pairs: what is tested. ood_val: OOD validation
    sets. where: ``file:line``.
    """

    name: str
    id_set: str
    head: FeatureFiles | None
    sets: Mapping[tuple[str, str], ExternalSet]
    pairs: tuple[Pair, ...]
    ood_val: tuple[str, ...]
    where: str = field(compare=False)

    @property
    def content(self) -> dict[str, Any]:
        """Its content as plain data."""
        return {
            "head": self.head,
            "sets": {f"{name}/{split}": one.files for (name, split), one in self.sets.items()},
            "pairs": sorted([pair.ood_set, pair.distance] for pair in self.pairs),
            "ood_val": sorted(self.ood_val),
        }


@dataclass(frozen=True)
class Rule:
    """Removes the cells that have, on every named axis, one of the named values.

    matches: (axis, values) in the order of ``RULE_AXES``; values are full labels of that axis: a
        bare choice name is replaced by all labels it stands for.
    where: ``file:line``. label: the rule as written in the file, shown with its count.
    """

    matches: tuple[tuple[str, tuple[str | int, ...]], ...]
    where: str = field(compare=False)
    label: str = field(compare=False)

    def may_match(self, **values: Choice[Parameters] | Selected | str | int | None) -> bool:
        """Return whether cells with these axis values can match; axes left out are unknown.

        A choice is compared by its label. If every axis of the rule is given, they do match.
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

    features: external features; pretexts, backbones, finetunes, seeds and pairs are then empty.
    corpus: the image set that pretext tasks see; None for the train split of each pair's ID set.
    intermediate: the labelled set of intermediate fine-tuning; None where it is the corpus.
    ensemble: whether each representation gets an ensemble of its seeds.
    ood_val: OOD validation sets by ID set, for ``Selected`` scorers; they are never tested against
        that ID set.
    source: the file's text after overrides, for the database. where: the file's name.
    image_sets: finds its image sets by name, with those that the file defines; None for built-in
        ones alone. data: fingerprints of the sets that the file defines and uses, by name.
    """

    name: str
    corpus: str | None
    plugins: tuple[Plugin, ...]
    pretexts: tuple[Choice[Pretext], ...]
    backbones: tuple[Choice[Backbone], ...]
    finetunes: tuple[Finetune, ...]
    scorers: tuple[Choice[AnyScorer] | Selected, ...]
    seeds: tuple[int, ...]
    pairs: tuple[Pair, ...]
    ood_val: Mapping[str, tuple[str, ...]]
    exclude: tuple[Rule, ...]
    source: str = field(repr=False)
    where: str
    features: tuple[Features, ...] = ()
    intermediate: str | None = None
    ensemble: bool = False
    image_sets: Callable[[str], ImageSet] | None = field(default=None, compare=False, repr=False)
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def intermediate_set(self) -> str | None:
        """The labelled set that intermediate fine-tuning sees, None if the sweep names none.

        A corpus without an intermediate set serves as both, like ImageNet-22k in MOODv1.
        """
        return self.intermediate or self.corpus

    @property
    def content(self) -> dict[str, Any]:
        """Everything in the file that decides which cells exist, as plain data.

        Names, comments and the order of lists are left out: they change no cell.
        """
        given = {f"{one.name} on {one.id_set}": one.content for one in self.features}
        return {
            **({"features": given} if given else {}),
            **({"intermediate": self.intermediate} if self.intermediate else {}),
            **({"ensemble": True} if self.ensemble else {}),
            **({"data": dict(self.data)} if self.data else {}),
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


def _by_label(choices: Iterable[Choice[Parameters] | Selected]) -> dict[str, dict[str, Any]]:
    return {choice.label: choice.content for choice in choices}
