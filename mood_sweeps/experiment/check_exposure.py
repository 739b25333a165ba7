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

__all__ = ["checked_exposure", "exposures_of", "is_exposed"]


def is_exposed(stage: Choice) -> bool:
    """Return whether a fine-tuning stage trains on images of an OOD set."""
    return isinstance(stage.parameters, OutlierExposure)


def checked_exposure(stage: Choice, catalogues: Catalogues) -> Choice:
    """Return the choice with the canonical name of its exposed set.

    Raises InputError for a set that is unknown, has no classes, or a class of fewer than k images.
    """
    if not is_exposed(stage):
        return stage
    name, k = stage.parameters.exposed, stage.parameters.k
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
    parameters = dataclasses.replace(stage.parameters, exposed=images.name)
    return dataclasses.replace(stage, parameters=parameters)


def exposures_of(
    finetunes: Iterable[Finetune],
    seeds: tuple[int, ...],
    find_image_set: Callable[[str], ImageSet],
) -> tuple[Exposure, ...]:
    """Return the exposure of all these stages together: for each set the largest k."""
    largest: dict[str, int] = {}
    for finetune in finetunes:
        for stage in finetune.stages:
            if is_exposed(stage) and stage.parameters.k:
                name = stage.parameters.exposed
                largest[name] = max(stage.parameters.k, largest.get(name, 0))
    return tuple(Exposure(find_image_set(name), k, seeds) for name, k in largest.items())
