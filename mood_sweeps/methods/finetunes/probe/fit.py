"""The linear probe: a head by logistic regression on features that stay as they are."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import StageFailed
from mood_sweeps.methods.finetunes.probe.declaration import Probe
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.networks.torch_device import own_device, peak_memory_mb
from mood_sweeps.training.learning_checks import accuracy_findings

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

__all__ = ["fit_head", "fit_probe"]


def fit_probe(inputs: FinetuneInputs[Probe]) -> Checkpoint:
    """Return the same weights with a head fitted on the features of the ID train split.

    Features are extracted without augmentation. Raises StageFailed as `fit_head`.
    """
    started = time.perf_counter()
    checkpoint = dataclasses.replace(inputs.checkpoint, head=None)
    bank = extract(checkpoint, inputs.images)
    head, summary = fit_head(inputs.parameters, bank, inputs.images.class_names)
    probed = Checkpoint(checkpoint.architecture, checkpoint.weights, head)
    findings: tuple[str, ...] = ()
    if inputs.validation:
        validated = extract(probed, inputs.validation)
        assert validated.logits is not None
        right = validated.logits.argmax(axis=1) == validated.labels
        summary["validation_accuracy"] = float(right.mean())
        findings = accuracy_findings(summary["validation_accuracy"], inputs.validation.labels)
    measured = {
        "training_seconds": time.perf_counter() - started,
        "peak_memory_mb": peak_memory_mb(own_device()),
    }
    return dataclasses.replace(probed, summary=summary, measured=measured, findings=findings)


def fit_head(
    probe: Probe, bank: FeatureBank, class_names: tuple[str, ...]
) -> tuple[Head, dict[str, float]]:
    """Return the head (C, D) on raw features, and the mean loss and number of iterations.

    bank: features (N, D) with labels 0..C-1. Computed in float64; weight and bias
    include the standardisation, so that the head works like any other.
    Raises StageFailed if there are fewer than two classes, or a class has no image.
    """
    if len(class_names) < 2:
        raise StageFailed(f"a linear probe needs two classes or more; there is {class_names[0]!r}")
    absent = sorted(set(range(len(class_names))).difference(bank.labels.tolist()))
    if absent:
        named = ", ".join(repr(class_names[label]) for label in absent)
        raise StageFailed(f"a linear probe needs images of every class; there are none of {named}")
    # Late: these imports take over a second, which would delay the start of every worker.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    features = scaler.fit_transform(bank.features.astype(np.float64))
    model = LogisticRegression(C=probe.c, max_iter=probe.iterations)
    with warnings.catch_warnings():
        # Not needed: the summary has the number of iterations.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, bank.labels)
    weight, bias = _of_every_class(model)
    raw = weight / scaler.scale_
    head = Head(raw.astype(np.float32), (bias - raw @ scaler.mean_).astype(np.float32))
    loss = log_loss(bank.labels, model.predict_proba(features))
    return head, {"loss": float(loss), "iterations": float(model.n_iter_[0])}


def _of_every_class(model: LogisticRegression) -> tuple[Floats, Floats]:
    """Return weight (C, D) and bias (C,); for two classes scikit-learn has only the difference."""
    if len(model.classes_) > 2:
        return model.coef_, model.intercept_
    weight, bias = model.coef_[0] / 2, model.intercept_[0] / 2
    return np.stack([-weight, weight]), np.stack([-bias, bias])
