"""Files of weights that an experiment names: there, and legible, before anything is planned."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.methods.pretexts.given_weights import WeightsFile

__all__ = ["checked_weights"]


def checked_weights(pretext: Choice, catalogues: Catalogues, folder: Path) -> Choice:
    """Return the choice, the image set of its head by its canonical name.

    folder: what its path is relative to. Raises InputError for a file that cannot be read, and an
    image set that is unknown; what is in the file is looked at when it is loaded.
    """
    wanted = pretext.parameters
    if not isinstance(wanted, WeightsFile):
        return pretext
    _look_at(folder / wanted.weights, (pretext.name, "weights"))
    if wanted.head is None:
        return pretext
    try:
        name = catalogues.image_set(wanted.head).name
    except InputError as error:
        inside = (pretext.name, "head")
        raise InputError(Problem(one.message, inside=inside) for one in error.problems) from None
    return dataclasses.replace(pretext, parameters=dataclasses.replace(wanted, head=name))


def _look_at(path: Path, inside: tuple[str, ...]) -> None:
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
