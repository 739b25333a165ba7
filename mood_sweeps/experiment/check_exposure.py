"""Check the images of outlier exposure before anything is planned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from mood_sweeps.choice import Choice
from mood_sweeps.data.exposed_images import Exposure, smallest_class
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.experiment.sweep import Finetune
from mood_sweeps.methods.finetunes.outlier_exposure.declaration import OutlierExposure
from mood_sweeps.methods.finetunes.stage import FinetuneStage

__all__ = ["checked_exposure", "exposures_of"]


def checked_exposure(stage: Choice[FinetuneStage], catalogues: Catalogues) -> Choice[FinetuneStage]:
    """Return the choice with the canonical name of its exposed set.

    Raises InputError for a set that is unknown, has no classes, or a class of fewer than k images.
    """
    exposure = stage.parameters
    if not isinstance(exposure, OutlierExposure):
        return stage
    name, k = exposure.exposed, exposure.k
    try:
        images = catalogues.image_set(name)
    except InputError as error:
        inside = (stage.name, "exposed")
        raise InputError(Problem(one.message, inside=inside) for one in error.problems) from None
    if not images.classes:
        raise InputError(
            Problem(
                f"{stage.name!r} shows k images of each class, and {images.name!r} has no classes",
                inside=(stage.name, "exposed"),
            )
        )
    smallest, count = smallest_class(images.open("all"))
    if k > count:
        raise InputError(
            Problem(
                f"{stage.name!r} shows {k} images of each class, and class {smallest!r} of "
                f"{images.name!r} has {count}",
                inside=(stage.name, "k"),
            )
        )
    named = dataclasses.replace(exposure, exposed=images.name)
    return dataclasses.replace(stage, parameters=named)


def exposures_of(
    finetunes: Iterable[Finetune],
    seeds: tuple[int, ...],
    find_image_set: Callable[[str], ImageSet],
) -> tuple[Exposure, ...]:
    """Return the exposure of all these stages together: for each set the largest k."""
    largest: dict[str, int] = {}
    for finetune in finetunes:
        for stage in finetune.stages:
            exposure = stage.parameters
            if isinstance(exposure, OutlierExposure) and exposure.k:
                name = exposure.exposed
                largest[name] = max(exposure.k, largest.get(name, 0))
    return tuple(Exposure(find_image_set(name), k, seeds) for name, k in largest.items())
