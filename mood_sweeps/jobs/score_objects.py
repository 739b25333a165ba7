"""The objects of scoring calls: states, per-sample scores, predictions and rows, each by its key.

A group (one representation on one ID set) gets one object for each call that ever made something
for it. A later call, with one more scorer or pair, adds an object and reads the earlier ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mood_sweeps.bank import Ints
from mood_sweeps.errors import CorruptObject
from mood_sweeps.identity import key_of
from mood_sweeps.jobs.score_call import Known, Scored
from mood_sweeps.store import Manifest, Ref, Store
from mood_sweeps.store.codecs import load_arrays, save_arrays

__all__ = ["completed_rows", "group_refs", "known_parts", "score_ref", "stored_rows", "writer"]

_STATES = "states.safetensors"
_KEY_BEFORE = "score_key"
"""What rows of objects from before migration 0005 call the key of an evaluation."""
Arrays = dict[str, npt.NDArray[Any]]


def score_ref(group: str, scored: Scored) -> Ref:
    """Return the name of the object that holds what a call made: content of its rows."""
    rows = sorted(row["evaluation_key"] for row in scored.rows)
    parts = sorted([*scored.states, *scored.scores])
    return Ref(f"score/{group}", key_of({"kind": "score", "rows": rows, "parts": parts}))


def group_refs(store: Store, group: str) -> list[Ref]:
    """Return every object of a group."""
    return list(store.refs(f"score/{group}"))


def writer(scored: Scored, predictions: Mapping[str, Ints]) -> Callable[[Path], None]:
    """Return the function that writes a call's results into an object's folder.

    predictions: predicted ID class of every image, by the key of its bank.
    """

    def write(folder: Path) -> None:
        save_arrays(scored.scores, folder / "scores.safetensors")
        _save_states(scored.states, folder)
        save_arrays(predictions, folder / "predictions.safetensors")
        text = json.dumps(scored.rows, indent=None, sort_keys=True, allow_nan=False)
        (folder / "evaluations.json").write_text(text)

    return write


def stored_rows(store: Store, group: str) -> Iterator[dict[str, Any]]:
    """Yield the rows that the objects of a group hold; a corrupt object raises CorruptObject."""
    for ref in group_refs(store, group):
        path = store.folder(ref) / "evaluations.json"
        try:
            rows = json.loads(path.read_text())
        except ValueError as error:
            raise CorruptObject(f"{ref}: evaluations.json: {error}", ref) from error
        for row in rows:
            if _KEY_BEFORE in row:
                row["evaluation_key"] = row.pop(_KEY_BEFORE)
        yield from completed_rows(rows, store.manifest(ref))


def completed_rows(
    rows: Iterable[Mapping[str, Any]], manifest: Manifest
) -> Iterator[dict[str, Any]]:
    """Add to rows what their object's manifest knows: lineage, environment and time.

    The input digest is of the row's own three banks: which others happened to be scored in the
    same call is no matter of the number.
    """
    digests = manifest.origin.inputs
    for row in rows:
        yield {
            **{name: value for name, value in row.items() if name != "banks"},
            "object_key": manifest.key,
            "input_digest": key_of({key: digests[key] for key in row["banks"]}),
            "environment": manifest.origin.environment["class"],
            "created_at": manifest.created_at,
        }


def known_parts(store: Store, group: str) -> Known:
    """Return the states and scores that the objects of a group hold."""
    states: dict[str, Arrays] = {}
    scores: Arrays = {}
    for ref in group_refs(store, group):
        folder = store.folder(ref)
        scores |= load_arrays(folder / "scores.safetensors")
        states |= _load_states(folder)
    return Known(states, scores)


def _save_states(states: Mapping[str, Mapping[str, npt.NDArray[Any]]], folder: Path) -> None:
    """Write fitted states; an array that several hold, such as all train features, goes in once."""
    places: dict[int, str] = {}
    arrays: Arrays = {}
    index: dict[str, dict[str, str]] = {}
    for key, state in states.items():
        for array in state.values():
            arrays[places.setdefault(id(array), str(len(places)))] = array
        index[key] = {name: places[id(array)] for name, array in state.items()}
    save_arrays(arrays, folder / _STATES)
    (folder / "states.json").write_text(json.dumps(index, sort_keys=True))


def _load_states(folder: Path) -> dict[str, Arrays]:
    arrays = load_arrays(folder / _STATES)
    index = json.loads((folder / "states.json").read_text())
    return {
        key: {name: arrays[place] for name, place in parts.items()} for key, parts in index.items()
    }
