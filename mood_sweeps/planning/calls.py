"""Calls: what one worker is asked to do in one go, as plain values.

A training call is one stage, and so is one that copies what the user has. All extractions of one
checkpoint are one call, because loading the network costs more than using it. All fits, scores and
evaluations of one representation on one ID set are one call, because the banks are read once for
all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mood_sweeps.identity import key_of
from mood_sweeps.planning.fits import Fit, Selection
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.store import Ref

__all__ = [
    "BuildEnsemble",
    "Call",
    "EvaluationRequest",
    "ExtractBanks",
    "ImportFeatures",
    "MakePicture",
    "ScoreBanks",
    "Train",
    "score_group",
]


@dataclass(frozen=True, eq=False)
class Train:
    """Run one tokenizer, pretrain, load or finetune stage."""

    stage: Stage


@dataclass(frozen=True, eq=False)
class ImportFeatures:
    """Check a head or a set of features in the user's files, and copy it into the store."""

    stage: Stage


@dataclass(frozen=True, eq=False)
class MakePicture:
    """Take one picture."""

    stage: Stage


@dataclass(frozen=True, eq=False)
class BuildEnsemble:
    """Join heads or banks into those of an ensemble."""

    stage: Stage


@dataclass(frozen=True, eq=False)
class ExtractBanks:
    """Extract the banks that are missing of one checkpoint."""

    checkpoint: Ref
    stages: tuple[Stage, ...]


@dataclass(frozen=True, eq=False)
class EvaluationRequest:
    """One number to make: a fitted scorer on one OOD bank against the call's ID bank.

    n_left_out: how many images of the OOD set the bank is without.
    """

    fit: Fit | Selection
    score_key: str
    ood_bank: Ref
    ood_classes: tuple[str, ...]
    n_left_out: int = 0


@dataclass(frozen=True, eq=False)
class ScoreBanks:
    """Fit, score and evaluate on the banks of one representation and one ID set.

    group: names the representation and ID set; the objects of all calls about them lie together.
    predictions: ``head``, ``nearest class mean`` or ``none``.
    id_classes, and each evaluation's ood_classes: the names of classes, the empty tuple where they
        have numbers only.
    extracted: how each bank came about, where a scorer needs the network and its images.
    plugin: whose scorers these are; None for the package's own. A call has scorers of one source
        only, so that a plugin that crashes or hangs holds up no other's numbers.
    """

    group: str
    checkpoint: Ref
    train_bank: Ref
    id_bank: Ref
    id_classes: tuple[str, ...]
    predictions: str
    evaluations: tuple[EvaluationRequest, ...]
    extracted: Mapping[Ref, Extract] = field(default_factory=dict)
    plugin: Plugin | None = None


@dataclass(frozen=True, eq=False)
class Call:
    """One call: its lease name, what it needs and makes, and its work.

    needs: objects that must be there first. makes: objects that are there afterwards.
    method: what history's durations are grouped by. units: how many stages it counts as.
    """

    key: str
    kind: str
    label: str
    method: str
    work: Train | ImportFeatures | MakePicture | BuildEnsemble | ExtractBanks | ScoreBanks
    needs: tuple[Ref, ...]
    makes: tuple[Ref, ...]
    units: int

    @property
    def parts(self) -> int:
        """How many workers can share it: 1 but for a training whose batches are in parts."""
        return self.work.stage.parts if isinstance(self.work, Train) else 1

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


def score_group(train_bank: str, id_bank: str) -> str:
    """Return the name of the group of all scoring on these two banks."""
    return key_of({"train": train_bank, "id": id_bank})
