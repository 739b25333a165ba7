"""Log-likelihood under a mixture of Gaussians with one tied covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    train_features_of,
    train_labels_of,
)
from mood_sweeps.scorers.numeric.moments import group_members, moments_of
from mood_sweeps.scorers.numeric.rounding import measured_rounding
from mood_sweeps.scorers.numeric.rows import by_rows, plain_rows, row_products
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.numeric.subspace_projection import centred_rows
from mood_sweeps.scorers.numeric.tied_gaussian_mixture import fit_tied_mixture
from mood_sweeps.scorers.numeric.whitened_distances import by_group_distances, lower_inverse
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import small_class_notes, small_cluster_notes, stored_count

__all__ = ["GMM", "GMMPytorchOOD"]


@dataclass(frozen=True)
class GMM(Scorer):
    """s = log Σ_j π_j N(x; μ_j, Σ), a mixture of k Gaussians with one covariance.

    A classical baseline, in OpenOOD as ``gmm`` (on pooled features, through scikit-learn); summed
    in logarithms, so that it never underflows. Labels are not used. Fitted by expectation
    maximisation from k-means on ≤ 65,536 train features (``numeric/tied_gaussian_mixture.py``),
    with scikit-learn's stopping rule. The variance of every direction is first raised to that of
    the features' rounding, then by 10⁻⁶ of the mean variance (scikit-learn: by 10⁻⁶ at any scale).
    k: by default CIFAR-10's number of classes; sweep it. seed: of the sample and the first centres.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"

    k: Annotated[int, Field(gt=0)] = 10
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, D) with W Wᵀ = Σ⁻¹, whitened means (k, D), the logs of
        π (k,) and log √|2πΣ| (), float64; and count (), int64: the number of features.

        Raises Undefined where fewer than k features differ.
        """
        del head
        features, rounding = train_features_of(train), measured_rounding(train)
        mixture = fit_tied_mixture(features, self.k, self.seed, rounding)
        return {**mixture, "count": np.asarray(len(train))}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        means, features = state["means"], features_of(bank, width=len(state["centre"]))
        offsets = state["log_weights"] - row_products(means, means) / 2
        on, centred = device(), centred_rows(features, state["centre"], np.float64)
        whitening, directions = on.send(state["whitening"]), on.send(means.T)

        def block(rows: slice) -> Scores:
            white = centred(rows) @ whitening
            mixed = log_sum_exp(offsets + on.fetch(white @ directions))
            return mixed - on.fetch(on.row_squares(white)) / 2 - float(state["log_volume"])

        return defined(by_rows(len(features), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note components with few images, and a covariance from too few images."""
        del bank
        count, width = stored_count(state, "count"), len(state["centre"])
        singular = count is not None and count - self.k < width
        too_few = f"{count} images, less k={self.k} means, are too few for {width} dimensions"
        return (*small_cluster_notes(self.k, count, "components"), *([too_few] if singular else []))


@dataclass(frozen=True)
class GMMPytorchOOD(Scorer):
    """s = log Σ_c π_c N(x; μ_c, Σ_c), one Gaussian a class, π_c the class's share of samples.

    pytorch-ood 0.4.0, `GMM`: the components are the labelled classes, not a fitted mixture; Σ_c is
    the biased covariance of a class + 10⁻⁶ I, at any scale and precision of the features.
    Distances are of single precision: relative error about 1e-6. Cost: C·D² / 2 products a sample;
    a state of 4·C·D² bytes.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return means (C, D) and log π_c − log √|2πΣ_c| (C,), float64, whitenings (C, D, D),
        float32, and counts (C,), int64: the number of features of each class.

        Raises Undefined where rounding leaves a covariance singular.
        """
        del head
        features = train_features_of(train)
        classes, width = group_members(train_labels_of(train)), features.shape[1]
        means, offsets = np.empty((len(classes), width)), np.empty(len(classes))
        matrices = np.empty((len(classes), width, width), dtype=np.float32)
        for group, members in enumerate(classes):
            moments = moments_of(features, plain_rows, members)
            covariance = moments.scatter / moments.count + 1e-6 * np.eye(width)
            try:
                factor = np.linalg.cholesky(covariance)
            except np.linalg.LinAlgError:
                raise Undefined("a class's covariance is singular, 10⁻⁶ I included") from None
            volume = np.log(np.diag(factor)).sum() + width * math.log(2 * math.pi) / 2
            means[group], matrices[group] = moments.mean, lower_inverse(factor).T
            offsets[group] = math.log(moments.count / len(features)) - volume
        counts = np.array([len(members) for members in classes])
        return {"means": means, "whitening": matrices, "offsets": offsets, "counts": counts}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""

        def likelihood(squared: Scores) -> Scores:
            return log_sum_exp(state["offsets"] - squared / 2)

        return defined(by_group_distances(bank, state, likelihood))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes with too few images for a covariance of their own."""
        del bank
        return small_class_notes(state.get("counts"), state["means"].shape[1])
