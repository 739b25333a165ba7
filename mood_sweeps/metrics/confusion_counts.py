"""Near-OOD confusion: which OOD classes pass as which ID classes (MOODv1, Fig. 3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Ints
from mood_sweeps.errors import InputError
from mood_sweeps.metrics.ranking import acceptance_threshold, checked_scores

__all__ = ["accepted_confusion"]


def accepted_confusion(
    id_scores: npt.NDArray[np.floating],
    ood_scores: npt.NDArray[np.floating],
    ood_labels: Ints,
    ood_predictions: Ints,
    n_ood_classes: int,
    n_id_classes: int,
    tpr: float = 0.95,
) -> npt.NDArray[np.int64]:
    """Count the OOD images accepted at ``tpr`` ID recall, by true OOD and predicted ID class.

    id_scores (n_id,), ood_scores (n_ood,): higher = more in-distribution; accepted means a score
    ≥ the ⌈tpr · n_id⌉-th largest ID score. ood_labels (n_ood,) in 0..n_ood_classes-1,
    ood_predictions (n_ood,) in 0..n_id_classes-1.
    Returns int64 (n_ood_classes, n_id_classes). Raises InputError for labels outside their range
    or of another length, Undefined for an empty side, NaN or infinite scores.
    """
    scores = checked_scores(ood_scores, "OOD")
    labels = _checked_classes(ood_labels, len(scores), n_ood_classes, "OOD labels")
    predictions = _checked_classes(ood_predictions, len(scores), n_id_classes, "predictions")
    accepted = scores >= acceptance_threshold(id_scores, tpr)
    cells = labels[accepted] * n_id_classes + predictions[accepted]
    counts = np.bincount(cells, minlength=n_ood_classes * n_id_classes)
    return counts.reshape(n_ood_classes, n_id_classes).astype(np.int64)


def _checked_classes(values: Ints, n: int, classes: int, name: str) -> npt.NDArray[np.int64]:
    if values.shape != (n,):
        raise InputError(f"{name} must be ({n},), one per OOD score, not {values.shape}")
    if values.min() < 0 or values.max() >= classes:
        raise InputError(f"{name} must be in 0..{classes - 1}, not {values.min()}..{values.max()}")
    return values.astype(np.int64)
