"""Metrics of scores and predicted classes together: open-set classification and near-OOD confusion.

Open-set classification: ID images must be accepted and classified right, OOD images rejected. An
image is accepted when its score is ≥ t. Of all ID images, CCR(t) = #{accepted and predicted right}
/ n_id is the correct classification rate; of all OOD images, FPR(t) = #{accepted} / n_ood is the
false positive rate (Dhamija, Günther & Boult, "Reducing network agnostophobia", 2018). CCR ends at
the ID accuracy, where everything is accepted. The paper uses the probability of the predicted class
as the score and counts CCR by > t and FPR by ≥ t, so that ties count against the score (a constant
score would get 0). Here any score ranks, and both count by ≥ t.

Near-OOD confusion: which OOD classes are accepted as which ID classes (MOODv1, Fig. 3).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Ints
from mood_sweeps.errors import InputError
from mood_sweeps.metrics.detection_metrics import auroc
from mood_sweeps.metrics.ranking import acceptance_threshold, checked_scores

__all__ = ["accepted_confusion", "ccr_at_fpr", "oscr"]


def oscr(
    id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike, id_predictions: Ints, id_labels: Ints
) -> float:
    """Return the area under CCR over FPR, in [0, ID accuracy]; higher is better.

    id_scores, id_predictions, id_labels (n_id,), ood_scores (n_ood,). The trapezoid under the curve
    from (0, 0), where nothing is accepted; tied ID and OOD images make a slanted piece. So

        OSCR = ID accuracy · AUROC of the rightly predicted ID images against OOD

    and 0 where none is. Raises Undefined for an empty side, NaN or infinite scores, InputError for
    other lengths.
    """
    scores, right = _checked_sides(id_scores, id_predictions, id_labels)
    ood = checked_scores(ood_scores, "OOD")
    if not right.any():
        return 0.0
    return float(right.mean()) * auroc(scores[right], ood)


def ccr_at_fpr(
    id_scores: npt.ArrayLike,
    ood_scores: npt.ArrayLike,
    id_predictions: Ints,
    id_labels: Ints,
    fpr: float = 0.05,
) -> float:
    """Return the correct classification rate where at most a fraction ``fpr`` of OOD is accepted.

    Shapes as ``oscr``. ⌊fpr · n_ood⌋ = k OOD images may be accepted: all images above the (k+1)-th
    largest OOD score are. (OpenOOD accepts those above the ⌈fpr · n_ood⌉-th, which is one OOD image
    less wherever fpr · n_ood is an integer.) Raises InputError unless 0 ≤ fpr ≤ 1; as ``oscr``.
    """
    if not 0 <= fpr <= 1:
        raise InputError(f"a false positive rate must be in [0, 1], not {fpr}")
    scores, right = _checked_sides(id_scores, id_predictions, id_labels)
    ood = checked_scores(ood_scores, "OOD")
    # 0.07 · 100 may come out below 7: what falls short of an integer by rounding is that integer.
    allowed = math.floor(round(fpr * len(ood), 9))
    if allowed == len(ood):
        return float(right.mean())
    place = len(ood) - 1 - allowed
    return float(np.mean(right & (scores > np.partition(ood, place)[place])))


def _checked_sides(
    id_scores: npt.ArrayLike, predictions: Ints, labels: Ints
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return ID scores as float64 (n_id,) and whether each image is predicted right."""
    scores = checked_scores(id_scores, "ID")
    if not scores.shape == np.shape(predictions) == np.shape(labels):
        raise InputError(
            f"there are {np.shape(predictions)} predictions and {np.shape(labels)} labels "
            f"for {scores.shape} ID scores"
        )
    return scores, np.asarray(predictions) == np.asarray(labels)


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
