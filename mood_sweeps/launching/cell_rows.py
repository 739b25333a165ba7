"""A plan's cells as rows of the results database."""

from __future__ import annotations

from typing import Any

from mood_sweeps.identity import key_of
from mood_sweeps.planning.plan import Plan

__all__ = ["cell_rows", "revision_digest"]


def cell_rows(plan: Plan) -> list[dict[str, Any]]:
    """Return one row per cell, without revision and status."""
    return [
        {
            "cell_key": cell.cell_key,
            "pretext": cell.representation.pretext,
            "backbone": cell.representation.backbone,
            "finetune": cell.representation.finetune,
            "scorer": cell.scorer_label,
            "id_set": cell.pair.id_set,
            "ood_set": cell.pair.ood_set,
            "distance": cell.pair.distance,
            "seed": cell.representation.seed,
            "evaluation_key": cell.evaluation_key,
            "representation_key": cell.representation.key,
            "reason": None,
        }
        for cell in plan.cells
    ]


def revision_digest(plan: Plan) -> str:
    """Return the identity of a sweep's revision: the set of its cells.

    It depends on the cells, not on the YAML: a raised version or a changed data set makes a new
    revision of the same file.
    """
    return key_of(sorted(cell.cell_key for cell in plan.cells))
