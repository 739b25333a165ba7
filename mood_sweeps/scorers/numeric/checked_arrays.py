"""Access to a bank's arrays for scorers; raises with the reason where one cannot be used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head, Inputs, Ints, Network
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = [
    "defined",
    "detector_of",
    "features_of",
    "head_of",
    "inputs_and_network_of",
    "logits_of",
    "train_classes_of",
    "train_features_of",
    "train_labels_of",
    "train_logits_of",
]


def features_of(bank: FeatureBank, width: int | None = None) -> Floats:
    """Return the features (N, D), all finite; ``width`` is the D that a state was learnt on.

    Raises Undefined for NaN or infinite features, InputError for a wrong shape.
    """
    features = bank.features
    if features.ndim != 2 or features.shape[1] == 0:
        raise InputError(f"features must be (N, D) with D > 0, not {features.shape}")
    if width is not None and features.shape[1] != width:
        raise InputError(
            f"features of {features.shape[1]} dimensions cannot be scored by a state learnt on "
            f"{width}: train and test features must come from one representation"
        )
    _refuse_non_finite(bank, "features", features)
    return features


def train_features_of(train: FeatureBank) -> Floats:
    """Return the features to learn from: as ``features_of``, but Undefined without rows."""
    features = features_of(train)
    if len(features) == 0:
        raise Undefined("there are no train features to learn from")
    return features


def train_logits_of(train: FeatureBank) -> Floats:
    """Return the logits to learn from: as ``logits_of``, but Undefined without rows."""
    logits = logits_of(train)
    if len(logits) == 0:
        raise Undefined("there are no train logits to learn from")
    return logits


def train_labels_of(train: FeatureBank) -> Ints:
    """Return the labels (N,) to learn from; InputError where the bank has none."""
    if train.labels.shape != (len(train),):
        raise InputError(
            f"this scorer learns from labels ({len(train)},), one per row, not {train.labels.shape}"
        )
    return train.labels


def train_classes_of(train: FeatureBank, classes: int) -> Ints:
    """Return the labels (N,) to learn from; InputError unless all are in 0..``classes`` − 1."""
    labels = train_labels_of(train)
    foreign = np.count_nonzero((labels < 0) | (labels >= classes))
    if foreign:
        raise InputError(
            f"this scorer learns from labels 0..{classes - 1}, the classes of the logits; "
            f"{foreign} of {len(labels)} are others"
        )
    return labels


def logits_of(bank: FeatureBank, classes: int | None = None) -> Floats:
    """Return the logits (N, C), all finite; ``classes`` is the C that a state was learnt on.

    Raises InputError where the representation has no head or another number of classes,
    Undefined for NaN or infinity.
    """
    logits = bank.logits
    if logits is None:
        raise InputError("this scorer needs logits, and the representation has no head")
    if logits.ndim != 2 or len(logits) != len(bank) or logits.shape[1] == 0:
        raise InputError(f"logits must be ({len(bank)}, C) with C > 0, not {logits.shape}")
    if classes is not None and logits.shape[1] != classes:
        raise InputError(
            f"logits of {logits.shape[1]} classes cannot be scored by a state learnt on {classes}: "
            "train and test logits must come from one representation"
        )
    _refuse_non_finite(bank, "logits", logits)
    return logits


def head_of(head: Head | None, width: int) -> Head:
    """Return the head of a representation with features of ``width`` dimensions.

    Raises InputError where it is missing or of another width, Undefined where it is not finite.
    """
    if head is None:
        raise InputError("this scorer needs a head, and the representation has none")
    if head.weight.ndim != 2 or head.weight.shape[1] != width:
        raise InputError(f"head.weight must be (C, {width}), not {head.weight.shape}")
    if head.bias.shape != head.weight.shape[:1]:
        raise InputError(f"head.bias must be ({len(head.weight)},), not {head.bias.shape}")
    if not (np.isfinite(head.weight).all() and np.isfinite(head.bias).all()):
        raise Undefined("the head contains NaN or infinite weights")
    return head


def detector_of(head: Head | None, width: int) -> Floats:
    """Return the detector (D + 1,) of a head, its bias last; raises what `head_of` raises."""
    detector = head_of(head, width).detector
    if detector is None:
        raise InputError("this scorer needs a detector, and none was trained beside the head")
    if detector.shape != (width + 1,):
        raise InputError(f"head.detector must be ({width + 1},), not {detector.shape}")
    if not np.isfinite(detector).all():
        raise Undefined("the detector contains NaN or infinite weights")
    return detector


def inputs_and_network_of(bank: FeatureBank) -> tuple[Inputs, Network]:
    """Return the images of a bank and their network; InputError where the bank has none."""
    if bank.inputs is None or bank.network is None:
        raise InputError(
            "this scorer needs the network and its input images, and the bank holds features only"
        )
    if len(bank.inputs) != len(bank):
        raise InputError(f"{len(bank)} features need as many images, not {len(bank.inputs)}")
    return bank.inputs, bank.network


def defined(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ``scores`` unchanged; raises Undefined if one of them is NaN or infinite."""
    bad = np.count_nonzero(~np.isfinite(scores))
    if bad:
        raise Undefined(f"{bad} of {len(scores)} scores are NaN or infinite")
    return scores


def _refuse_non_finite(bank: FeatureBank, name: str, values: Floats) -> None:
    # The sum is finite if all values are, unless it overflows. This cheap pass needs no array of
    # flags; only after a sum that is not finite are the rows examined.
    def count() -> int:
        with np.errstate(invalid="ignore", over="ignore"):
            if np.isfinite(values.sum()):
                return 0
        return sum(
            int(np.count_nonzero(~np.isfinite(values[rows]).all(axis=1)))
            for rows in row_blocks(len(values))
        )

    bad = once_per_bank(bank, ("non-finite rows", name), count)
    if bad:
        raise Undefined(f"{bad} of {len(values)} rows of {name} contain NaN or infinity")
