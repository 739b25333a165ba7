"""The class that the head predicts for every sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import logits_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank

__all__ = ["predicted_classes"]


def predicted_classes(bank: FeatureBank, classes: int | None = None) -> npt.NDArray[np.intp]:
    """Return ŷ = argmax_c z_c of every row, (N,); ties: the first.

    Raises what ``logits_of`` raises; ``classes`` is the C that a state was learnt on.
    """
    logits = logits_of(bank, classes=classes)
    return once_per_bank(bank, "predicted classes", lambda: logits.argmax(axis=1))
