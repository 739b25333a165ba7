"""Metrics: what scores and predictions say about a representation and a scorer."""

from __future__ import annotations

from mood_sweeps.metrics.accuracy import accuracy
from mood_sweeps.metrics.confusion import accepted_confusion
from mood_sweeps.metrics.detection import (
    DetectionMetrics,
    aupr_in,
    aupr_out,
    auroc,
    detection_metrics,
    fpr_at_tpr,
    fpr_at_tpr_ood_positive,
)
from mood_sweeps.metrics.intervals import auroc_interval, delong_variance
from mood_sweeps.metrics.predictions import nearest_class_mean, predict
from mood_sweeps.metrics.ranking import acceptance_threshold

__all__ = [
    "DetectionMetrics",
    "acceptance_threshold",
    "accepted_confusion",
    "accuracy",
    "aupr_in",
    "aupr_out",
    "auroc",
    "auroc_interval",
    "delong_variance",
    "detection_metrics",
    "fpr_at_tpr",
    "fpr_at_tpr_ood_positive",
    "nearest_class_mean",
    "predict",
]
