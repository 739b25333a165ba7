"""What a number's scores come from: a scorer fitted on a bank, or the best of several such."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.choice import Choice
from mood_sweeps.experiment.sweep import Selected
from mood_sweeps.identity import key_of
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.stage_kinds import STAGE_KINDS

__all__ = ["Fit", "Selection", "evaluation_key", "fit_of", "scores_key", "selection_of"]


@dataclass(frozen=True, eq=False)
class Fit:
    """A scorer fitted on one bank (and the head of its checkpoint).

    key: names the fitted state. note: what a reader of its numbers has to know, mostly nothing.
    """

    key: str
    scorer: Choice[AnyScorer]
    bank: Stage
    note: str = ""

    @property
    def banks(self) -> tuple[Stage, ...]:
        """The banks it is made from."""
        return (self.bank,)


@dataclass(frozen=True, eq=False)
class Selection:
    """One of several fits, chosen by its mean AUROC on validation sets, never on a test set.

    id_val: the bank of the ID set's validation split. ood_val: those of OOD validation sets.
    where: these sets in words.
    """

    key: str
    scorer: Selected
    candidates: tuple[Fit, ...]
    id_val: Stage
    ood_val: tuple[Stage, ...]
    where: str

    @property
    def banks(self) -> tuple[Stage, ...]:
        """The banks it is made from."""
        learnt_from = dict.fromkeys(candidate.bank for candidate in self.candidates)
        return (*learnt_from, self.id_val, *self.ood_val)

    @property
    def scores(self) -> tuple[str, ...]:
        """The keys of the scores it compares."""
        return tuple(
            scores_key(candidate.key, bank.key)
            for candidate in self.candidates
            for bank in (self.id_val, *self.ood_val)
        )


def fit_of(scorer: Choice[AnyScorer], bank: Stage, note: str = "") -> Fit:
    """Return ``scorer`` fitted on ``bank``."""
    content = {
        "kind": "fit",
        "version": STAGE_KINDS["fit"].version,
        "scorer": scorer.content,
        "train": bank.key,
    }
    return Fit(key_of(content), scorer, bank, note)


def selection_of(
    scorer: Selected,
    candidates: tuple[Fit, ...],
    id_val: Stage,
    ood_val: tuple[Stage, ...],
    where: str,
) -> Selection:
    """Return the choice among ``candidates`` (in the order of ``scorer``'s) on these banks."""
    content = {
        "kind": "select",
        "version": STAGE_KINDS["select"].version,
        "candidates": [candidate.key for candidate in candidates],
        "id_val": id_val.key,
        "ood_val": sorted(bank.key for bank in ood_val),
    }
    return Selection(key_of(content), scorer, candidates, id_val, ood_val, where)


def scores_key(fit: str, bank: str) -> str:
    """Return the key of the scores that a fit, by its key, gives a bank, by its key."""
    return key_of(
        {"kind": "score", "version": STAGE_KINDS["score"].version, "fit": fit, "bank": bank}
    )


def evaluation_key(id_scores: str, ood_scores: str, predictions: str) -> str:
    """Return the key of one evaluation: the content of a number.

    predictions: where predicted classes come from (see ``Representation.predictions``).
    """
    return key_of(
        {
            "kind": "evaluate",
            "version": STAGE_KINDS["evaluate"].version,
            "id": id_scores,
            "ood": ood_scores,
            "predictions": predictions,
        }
    )
