"""One item of the pretext axis: a task to train, or weights that others trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.methods.pretexts.catalogue import PRETEXTS
from mood_sweeps.methods.pretexts.given_weights import Published, PublishedTask, WeightsFile
from mood_sweeps.methods.pretexts.random_weights.declaration import RandomWeights
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.published.catalogue import published
from mood_sweeps.tuning import choose_all_tuned

__all__ = ["LOADED", "choose_pretexts"]

LOADED: dict[str, type[Pretext]] = {
    **{name: Published for name in published() if name not in PRETEXTS},
    "file": WeightsFile,
}
"""Pretext tasks that can only be loaded, by the name that an experiment file uses."""

_EVERY = {**PRETEXTS, **LOADED}


def choose_pretexts(raw: Any) -> tuple[Choice[Pretext], ...]:
    """Read one item of the pretext axis, which may be a grid.

    ``weights`` is the source of the weights: ``trained`` (the default for tasks that can be
    trained), ``published``, or the path of a file; it decides which other parameters exist.
    Raises InputError for an unknown name or parameter, and for ``trained`` if a task can only be
    loaded.
    """
    return tuple(
        choice
        for name, weights, one in _by_weights(raw)
        for choice in choose_all_tuned(one, _catalogue(name, weights), "pretext")
    )


def _by_weights(raw: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield name, weights and raw value for every requested source of weights."""
    if not (isinstance(raw, Mapping) and len(raw) == 1):
        yield raw, None, raw
        return
    ((name, given),) = raw.items()
    names_weights = isinstance(given, Mapping) and "weights" in given and _has_weights(name)
    if not names_weights:
        yield name, None, raw
        return
    is_list = isinstance(given["weights"], list)
    for weights in given["weights"] if is_list and given["weights"] else [given["weights"]]:
        others = {key: value for key, value in given.items() if key != "weights"}
        if weights == "trained":
            if name in LOADED:
                message = f"pretext {name!r} is not trained here: weights are published, or a file"
                raise InputError(Problem(message, inside=(name, "weights")))
        elif weights != "published" or name not in LOADED:
            others["weights"] = weights
        yield name, weights, {name: others}


def _has_weights(name: Any) -> bool:
    return isinstance(name, str) and name in _EVERY and _EVERY[name] is not RandomWeights


def _catalogue(name: Any, weights: Any) -> Mapping[str, type[Pretext]]:
    if weights is None or weights == "trained":
        return _EVERY
    if weights == "published" and name != "file":
        return {**_EVERY, name: LOADED.get(name, PublishedTask)}
    return {**_EVERY, name: WeightsFile}
