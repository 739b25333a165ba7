"""Lengths of projected features: every direction of a rotation is computed once per bank.

The directions are taken in groups of 128. A bank keeps the sum of squares of every group that
was asked for, 8 bytes for 128 directions of a row, so that subspaces that share directions (all
dimensions of ViM and Residual, of NECO) share the work: together they cost one rotation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.array_device import Array, device
from mood_sweeps.scorers.numeric.bank_statistics import digest
from mood_sweeps.scorers.numeric.checked_arrays import features_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.row_blocks import row_blocks
from mood_sweeps.scorers.numeric.unit_features import Rows, plain_rows
from mood_sweeps.scorers.scorer import State

__all__ = ["as_single", "centred_rows", "projected_norm", "subspace"]

Float64s = npt.NDArray[np.float64]

# Directions that are projected on in one product: wide enough for BLAS, a divisor of the usual
# principal dimensions (256, 512, 768 / 2).
GROUP = 128


# Each direction of a product in float32 has a rounding error of about 6e-8 of the centred feature.
# In the length along this many they are lost; fewer cost little in float64.
_MANY = 64


def subspace(
    centre: Float64s, origin: Float64s, axes: Float64s, kept: slice, single: bool
) -> State:
    """Return the state that ``projected_norm`` needs: centre (D,), axes (D, r), offset (r,).

    centre: amid the data, so that products of centred features lose no digits. origin: what the
    projected features are measured from. axes: (D, R), all that there are; kept: those that span
    the subspace. single: whether float32 is exact enough for products with many of them.
    """
    centre = as_single(centre)
    directions = axes[:, kept]
    single = single and directions.shape[1] >= _MANY
    return {
        "centre": centre,
        "axes": directions.astype(np.float32 if single else np.float64, order="C"),
        # Of all axes: a product of fewer has other last bits, and nothing would be shared.
        "offset": ((centre - origin) @ axes)[kept],
    }


def as_single(values: Float64s) -> Float64s:
    """Return the nearest float32 numbers, as float64: subtracting them from float32 is exact."""
    return values.astype(np.float32).astype(np.float64)


def centred_rows(
    features: Floats, centre: Float64s, dtype: npt.DTypeLike, rows: Rows = plain_rows
) -> Callable[[slice], Array]:
    """Return what makes x − centre of some features x, on the device, as ``dtype``.

    Subtracted in the wider of both precisions. rows: what is made of the features first.
    """
    on = device()
    plain = rows is plain_rows
    wide = np.promote_types(features.dtype if plain else np.float64, dtype)
    there = on.take(centre.astype(wide))

    def centred(part: slice) -> Array:
        taken = on.part(features, part) if plain else on.take(rows(features[part]))
        return on.cast(on.cast(taken, wide) - there, dtype)

    return centred


def projected_norm(
    bank: FeatureBank, space: State, shared: Literal["first", "last"] = "last"
) -> Float64s:
    """Return ‖axesᵀ(x − origin)‖₂ of every row, float64 (N,); ``space`` is a `subspace`.

    shared: which axes other subspaces have in common with this one.
    """
    centre, axes, offset = space["centre"], space["axes"], space["offset"]
    features = features_of(bank, width=len(centre))
    known: dict[bytes, Float64s] = once_per_bank(bank, "projected squares", dict)
    groups = {}
    for columns in _groups(axes.shape[1], shared):
        group = np.ascontiguousarray(axes[:, columns]), offset[columns]
        groups[digest(centre) + digest(group[0]) + digest(group[1])] = group
    missing = {name: group for name, group in groups.items() if name not in known}
    known.update({name: np.empty(len(features)) for name in missing})
    on, centred_of = device(), centred_rows(features, centre, axes.dtype)
    there = {
        name: (on.take(directions), on.take(shift.astype(axes.dtype)))
        for name, (directions, shift) in missing.items()
    }
    for rows in row_blocks(len(features) if missing else 0):
        centred = centred_of(rows)
        # Each group is a product of its own: its bits do not depend on what else is missing.
        for name, (directions, shift) in there.items():
            projected = centred @ directions
            projected += shift
            known[name][rows] = on.give(on.row_squares(projected))
    squares = np.zeros(len(features))
    for name in groups:
        squares += known[name]
    return np.sqrt(squares)


def _groups(count: int, shared: Literal["first", "last"]) -> Iterator[slice]:
    """Yield slices that cover range(count); the one that is not full lies opposite ``shared``."""
    start = 0 if shared == "first" else count % GROUP - GROUP
    for first in range(start, count, GROUP):
        if first + GROUP > 0:
            yield slice(max(first, 0), min(first + GROUP, count))
