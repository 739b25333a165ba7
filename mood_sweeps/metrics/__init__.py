"""Metrics: what scores and predictions say about a representation and a scorer."""

from __future__ import annotations

from mood_sweeps.metrics.auroc_intervals import auroc_interval, delong_variance
from mood_sweeps.metrics.bootstrap_intervals import (
    bootstrap_difference_interval,
    bootstrap_interval,
)
from mood_sweeps.metrics.detection_metrics import (
    DetectionMetrics,
    ap_in,
    ap_out,
    aupr_in,
    aupr_out,
    auroc,
    autc,
    detection_error,
    detection_metrics,
    fpr_at_tpr,
    fpr_at_tpr_ood_positive,
)
from mood_sweeps.metrics.open_set_metrics import accepted_confusion, ccr_at_fpr, oscr
from mood_sweeps.metrics.paired_delong import (
    AurocDifference,
    Placements,
    auroc_covariance,
    difference_of,
    paired_delong,
    placements,
)
from mood_sweeps.metrics.predictions import accuracy, nearest_class_mean, predict
from mood_sweeps.metrics.ranking import acceptance_threshold
from mood_sweeps.metrics.registry import (
    METRICS,
    METRICS_DIGEST,
    Metric,
    PairScores,
    compute_metrics,
)

__all__ = [
    "METRICS",
    "METRICS_DIGEST",
    "AurocDifference",
    "DetectionMetrics",
    "Metric",
    "PairScores",
    "Placements",
    "acceptance_threshold",
    "accepted_confusion",
    "accuracy",
    "ap_in",
    "ap_out",
    "aupr_in",
    "aupr_out",
    "auroc",
    "auroc_covariance",
    "auroc_interval",
    "autc",
    "bootstrap_difference_interval",
    "bootstrap_interval",
    "ccr_at_fpr",
    "compute_metrics",
    "delong_variance",
    "detection_error",
    "detection_metrics",
    "difference_of",
    "fpr_at_tpr",
    "fpr_at_tpr_ood_positive",
    "nearest_class_mean",
    "oscr",
    "paired_delong",
    "placements",
    "predict",
]
