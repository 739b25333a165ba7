"""Check that an experiment's weight files exist and can be read, before anything is planned."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.methods.pretexts.given_weights import WeightsFile
from mood_sweeps.methods.pretexts.task import Pretext

__all__ = ["checked_weights"]


def checked_weights(
    pretext: Choice[Pretext], catalogues: Catalogues, folder: Path
) -> Choice[Pretext]:
    """Return the choice with the canonical name of its head's image set.

    folder: the base of a relative path. Raises InputError for a file that cannot be read and for an
    unknown image set; the content of the file is checked when it is loaded.
    """
    weights_file = pretext.parameters
    if not isinstance(weights_file, WeightsFile):
        return pretext
    _check_readable(folder / weights_file.weights, (pretext.name, "weights"))
    if weights_file.head is None:
        return pretext
    try:
        name = catalogues.image_set(weights_file.head).name
    except InputError as error:
        inside = (pretext.name, "head")
        raise InputError(Problem(one.message, inside=inside) for one in error.problems) from None
    return dataclasses.replace(pretext, parameters=dataclasses.replace(weights_file, head=name))


def _check_readable(path: Path, inside: tuple[str, ...]) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        problem = f"there is no file of weights {path}"
    except IsADirectoryError:
        problem = f"{path} is a folder, not a file of weights"
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        problem = f"the file of weights {path} cannot be read: {reason}"
    else:
        return
    raise InputError(Problem(problem, inside=inside))
