"""Lengths of projected features: each direction of a rotation is computed once per bank.

Directions come in groups of 128. The cache of a bank keeps the sum of squares of every group
computed so far, 8 bytes for 128 directions of a row, so that subspaces with common directions (all
``dim`` of ViM and Residual, or of NECO) share the work: together they cost one rotation.
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
from mood_sweeps.scorers.numeric.rows import Rows, plain_rows, row_blocks
from mood_sweeps.scorers.scorer import State

__all__ = ["as_single", "centred_rows", "projected_norm", "subspace"]

Float64s = npt.NDArray[np.float64]

# Directions in one product: enough for BLAS to be fast, and a divisor of the usual principal
# dimensions (256, 512, 768 / 2).
GROUP = 128


# Each direction of a float32 product has a rounding error of about 6e-8 of the centred feature. The
# errors average out in the length along this many directions; fewer cost little in float64.
_MANY = 64


def subspace(
    centre: Float64s, origin: Float64s, axes: Float64s, kept: slice, single: bool
) -> State:
    """Return the state that ``projected_norm`` needs: centre (D,), axes (D, r), offset (r,).

    centre: near the data, so that products of centred features lose no digits. origin: the point
    from which projected features are measured. axes: (D, R), all axes; kept: those that span the
    subspace. single: whether float32 is exact enough for products with many axes.
    """
    centre = as_single(centre)
    directions = axes[:, kept]
    single = single and directions.shape[1] >= _MANY
    return {
        "centre": centre,
        "axes": directions.astype(np.float32 if single else np.float64, order="C"),
        # A product with all axes, then a slice: a product with fewer axes has other last bits, and
        # the cache would find no common groups.
        "offset": ((centre - origin) @ axes)[kept],
    }


def as_single(values: Float64s) -> Float64s:
    """Return the nearest float32 numbers, as float64: subtracting them from float32 is exact."""
    return values.astype(np.float32).astype(np.float64)


def centred_rows(
    features: Floats, centre: Float64s, dtype: npt.DTypeLike, rows: Rows = plain_rows
) -> Callable[[slice], Array]:
    """Return the function from rows to rows(x) − centre on the device, as ``dtype``.

    The subtraction is in the wider of both precisions.
    """
    on = device()
    plain = rows is plain_rows
    wide = np.promote_types(features.dtype if plain else np.float64, dtype)
    centre_on_device = on.send(centre.astype(wide))

    def centred(part: slice) -> Array:
        points = on.send_part(features, part) if plain else on.send(rows(features[part]))
        return on.cast(on.cast(points, wide) - centre_on_device, dtype)

    return centred


def projected_norm(
    bank: FeatureBank, space: State, shared: Literal["first", "last"] = "last"
) -> Float64s:
    """Return ‖axesᵀ(x − origin)‖₂ of every row, float64 (N,); ``space`` is a `subspace`.

    shared: whether other subspaces have the first or the last axes in common with this one.
    """
    centre, axes, offset = space["centre"], space["axes"], space["offset"]
    features = features_of(bank, width=len(centre))
    squares_of: dict[bytes, Float64s] = once_per_bank(bank, "projected squares", dict)
    groups = {}
    for columns in _groups(axes.shape[1], shared):
        group = np.ascontiguousarray(axes[:, columns]), offset[columns]
        groups[digest(centre) + digest(group[0]) + digest(group[1])] = group
    missing = {name: group for name, group in groups.items() if name not in squares_of}
    squares_of.update({name: np.empty(len(features)) for name in missing})
    on, centred_of = device(), centred_rows(features, centre, axes.dtype)
    groups_on_device = {
        name: (on.send(directions), on.send(shift.astype(axes.dtype)))
        for name, (directions, shift) in missing.items()
    }
    for rows in row_blocks(len(features) if missing else 0):
        centred = centred_of(rows)
        # One product for each group, so that its bits do not depend on the other missing groups.
        for name, (directions, shift) in groups_on_device.items():
            projected = centred @ directions
            projected += shift
            squares_of[name][rows] = on.fetch(on.row_squares(projected))
    squares = np.zeros(len(features))
    for name in groups:
        squares += squares_of[name]
    return np.sqrt(squares)


def _groups(count: int, shared: Literal["first", "last"]) -> Iterator[slice]:
    """Yield slices that cover range(count); a slice that is not full is at the unshared end."""
    start = 0 if shared == "first" else count % GROUP - GROUP
    for first in range(start, count, GROUP):
        if first + GROUP > 0:
            yield slice(max(first, 0), min(first + GROUP, count))
