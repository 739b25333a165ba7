"""Ensemble stages: heads, or banks of the same images, in; one of all their features out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mood_sweeps.bank import FeatureBank, Head

__all__ = ["join_banks", "join_heads"]


def join_heads(heads: Sequence[Head | None]) -> Head | None:
    """Return the head on features side by side whose logits are the mean of those of ``heads``.

    Mean logits are OpenOOD's ensemble; their softmax is the members' geometric mean. None where
    the members are headless.
    """
    known = [head for head in heads if head is not None]
    if len(known) < len(heads):
        return None
    weight = np.concatenate([head.weight for head in known], axis=1) / np.float32(len(known))
    return Head(weight, np.mean([head.bias for head in known], axis=0, dtype=np.float32))


def join_banks(banks: Sequence[FeatureBank], head: Head | None) -> FeatureBank:
    """Return the bank with the features of all, float32 (N, sum of widths), and ``head``'s logits.

    banks: of the same images in the same order.
    """
    features = np.concatenate([bank.features for bank in banks], axis=1)
    logits = None if head is None else features @ head.weight.T + head.bias
    return FeatureBank(features, banks[0].labels, logits)
