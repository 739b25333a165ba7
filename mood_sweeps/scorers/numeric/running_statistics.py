"""Statistics of classes from samples that arrive block by block, once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Ints
from mood_sweeps.scorers.numeric.bank_statistics import ClassStatistics

__all__ = ["RunningStatistics"]

Float64s = npt.NDArray[np.float64]


class RunningStatistics:
    """Counts, means and within-class scatter of the samples so far.

    The scatter of a block about its own class means is added, and then the difference of these
    means to the means so far (Chan, Golub and LeVeque, 1983). No large squares are subtracted, so
    that a constant has a scatter of exactly zero.
    """

    def __init__(self, classes: int, width: int) -> None:
        self._counts = np.zeros(classes, dtype=np.int64)
        self._means = np.zeros((classes, width))
        self._scatter = np.zeros((width, width))

    def add(self, samples: Float64s, classes: Ints) -> None:
        """Add samples (n, D) of the classes (n,), numbered from 0."""
        present, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
        means = np.zeros((len(present), samples.shape[1]))
        np.add.at(means, index, samples)
        means /= counts[:, None]
        centred = samples - means[index]
        shift = means - self._means[present]
        before, after = self._counts[present], self._counts[present] + counts
        moved = shift * np.sqrt(before * counts / after)[:, None]
        self._scatter += centred.T @ centred + moved.T @ moved
        self._means[present] += shift * (counts / after)[:, None]
        self._counts[present] = after

    def statistics(self) -> ClassStatistics:
        """Return the statistics of the classes that occurred."""
        seen = self._counts > 0
        return ClassStatistics(self._counts[seen], self._means[seen], self._scatter)
