"""The picture job: how a checkpoint sees some images, as arrays that the report draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.inspection.pictures import background, reconstructions
from mood_sweeps.jobs.context import JobContext, Product, make_object
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stage_inputs import SHOWN_IMAGES, Picture
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Store
from mood_sweeps.store.codecs import save_picture

__all__ = ["run"]


def run(call: Call, context: JobContext) -> Outcome:
    """Compute the arrays of the picture that the call's stage describes."""

    def make(stage: Stage) -> Product:
        picture = stage.work
        assert isinstance(picture, Picture)
        arrays = _arrays(picture, context.store)
        return Product(lambda folder: save_picture(arrays, picture.subject, picture.lines, folder))

    return make_object(call, context, make)


def _arrays(picture: Picture, store: Store) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of every line of a picture, named ``<line>.<array>``."""
    checkpoint = load(store.folder(picture.checkpoint))
    found = {}
    for line, (planned, split) in enumerate(picture.shown):
        images = planned.open().open(split)
        images = images.take(np.arange(min(SHOWN_IMAGES, len(images))))
        if picture.gamma is None:
            arrays = reconstructions(checkpoint, images)
        else:
            arrays = background(checkpoint, images, picture.gamma)
        found.update({f"{line}.{part}": array for part, array in arrays.items()})
    return found
