"""The placements of single images among the other side: what DeLong's variances are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.metrics.ranking import Counts, counted, places

__all__ = ["Placements", "placements"]


@dataclass(frozen=True, eq=False)
class Placements:
    """By image, twice the number of the other side's images it is on the right side of.

    id_wins: int64 (n_id,), 2 · #{OOD scores below} + #{equal}, so wins / (2 n_ood) is the image's
        share of the AUROC (V₁₀ of DeLong et al., 1988).
    ood_wins: int64 (n_ood,), 2 · #{ID scores above} + #{equal}; / (2 n_id) is V₀₁.
    Integers, so that two scores which rank alike are seen to be exactly alike.
    """

    id_wins: Counts
    ood_wins: Counts

    @property
    def n_id(self) -> int:
        """Number of ID images."""
        return len(self.id_wins)

    @property
    def n_ood(self) -> int:
        """Number of OOD images."""
        return len(self.ood_wins)

    @property
    def auroc(self) -> float:
        """The AUROC; exact in integers up to the last division."""
        return int(self.id_wins.sum()) / (2 * self.n_id * self.n_ood)


def placements(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> Placements:
    """Return the placements of ID scores (n_id,) and OOD scores (n_ood,), higher = more ID.

    O(n log n), one sort. Raises Undefined for an empty side, NaN or infinite scores, InputError
    for a wrong shape.
    """
    id_places, ood_places = places(id_scores, ood_scores)
    ranking = counted(id_places, ood_places)
    ood_up_to, id_up_to = np.cumsum(ranking.ood_counts), np.cumsum(ranking.id_counts)
    return Placements(
        id_wins=(2 * ood_up_to - ranking.ood_counts)[id_places],
        ood_wins=(2 * (len(id_places) - id_up_to) + ranking.id_counts)[ood_places],
    )
