"""The best setting of a scorer on validation sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mood_sweeps.errors import Undefined
from mood_sweeps.metrics import auroc
from mood_sweeps.scorers import Scores
from mood_sweeps.scoring.inputs import Fit, Selection

__all__ = ["select_candidate"]


def select_candidate(
    selection: Selection, scores_of: Callable[[Fit, str], Scores]
) -> tuple[Fit, float]:
    """Return the candidate with the largest mean AUROC over the validation sets, and that mean.

    scores_of: returns a candidate's scores of a bank. A candidate that raises Undefined cannot be
    chosen. Of equally good candidates the first wins. Raises Undefined if none can be chosen.
    """
    best: tuple[Fit, float] | None = None
    refusals: dict[str, None] = {}
    for candidate in selection.candidates:
        try:
            id_scores = scores_of(candidate, selection.id_val)
            values = [auroc(id_scores, scores_of(candidate, bank)) for bank in selection.ood_val]
        except Undefined as undefined:
            refusals[str(undefined)] = None
            continue
        value = float(np.mean(values))
        if best is None or value > best[1]:
            best = candidate, value
    if best is None:
        raise Undefined(f"no setting is defined on the validation sets: {'; '.join(refusals)}")
    return best
