"""Arrays and feature banks as safetensors files: mappable, deterministic bytes, no code inside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from mood_sweeps.bank import FeatureBank, Head

__all__ = [
    "HEAD_FILE",
    "load_arrays",
    "load_bank",
    "load_head",
    "load_ids",
    "load_picture",
    "map_bank",
    "save_arrays",
    "save_bank",
    "save_head",
    "save_ids",
    "save_picture",
]

BANK_FILE = "bank.safetensors"
IDS_FILE, IDS_DIGEST_FILE = "ids.json", "ids.sha256"
HEAD_FILE = "head.safetensors"
PICTURE_FILE, PICTURE_TEXT = "picture.safetensors", "picture.json"

Arrays = dict[str, npt.NDArray[Any]]

_DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "BOOL": "?"}


def save_arrays(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write named arrays of any shape and numeric dtype."""
    # `ascontiguousarray` would turn a scalar into a vector of length 1.
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, path)


def load_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read what `save_arrays` wrote."""
    arrays: dict[str, npt.NDArray[Any]] = load_file(path)
    return arrays


def save_bank(bank: FeatureBank, folder: Path) -> None:
    """Write a feature bank into an object's folder."""
    arrays = {"features": bank.features, "labels": bank.labels}
    if bank.logits is not None:
        arrays["logits"] = bank.logits
    save_arrays(arrays, folder / BANK_FILE)
    if bank.ids_digest is not None:
        (folder / IDS_DIGEST_FILE).write_text(bank.ids_digest, "ascii")


def load_bank(folder: Path) -> FeatureBank:
    """Read the feature bank of an object's folder."""
    return _bank_of(load_arrays(folder / BANK_FILE), folder)


def map_bank(folder: Path) -> FeatureBank:
    """Return the feature bank of an object's folder; its arrays are mapped and read-only."""
    return _bank_of(_map_arrays(folder / BANK_FILE), folder)


def _bank_of(arrays: Arrays, folder: Path) -> FeatureBank:
    digest = folder / IDS_DIGEST_FILE
    return FeatureBank(
        arrays["features"],
        arrays["labels"],
        arrays.get("logits"),
        ids_digest=digest.read_text("ascii") if digest.exists() else None,
    )


def save_ids(ids: Sequence[str], folder: Path) -> None:
    """Write the ids of a bank's images, in its order, into its object's folder."""
    (folder / IDS_FILE).write_text(json.dumps(list(ids)), "utf-8")


def load_ids(folder: Path) -> tuple[str, ...] | None:
    """Read the ids of a bank's images, in its order; None if they have none."""
    if not (folder / IDS_FILE).exists():
        return None
    return tuple(json.loads((folder / IDS_FILE).read_text("utf-8")))


def _map_arrays(path: Path) -> Arrays:
    """Map the arrays of a safetensors file: header length, JSON header, data."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    arrays: Arrays = {}
    for name, entry in header.items():
        dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
        if 0 in shape:  # nothing to map
            arrays[name] = np.empty(shape, dtype)
        else:
            begin = 8 + length + entry["data_offsets"][0]
            arrays[name] = np.asarray(np.memmap(path, dtype, "r", begin, shape))
    return arrays


def save_head(head: Head, folder: Path) -> None:
    """Write a checkpoint's head beside its weights."""
    save_arrays(head.arrays, folder / HEAD_FILE)


def load_head(folder: Path) -> Head | None:
    """Read the head of a checkpoint's folder; None if it is headless."""
    if not (folder / HEAD_FILE).exists():
        return None
    return Head(**load_arrays(folder / HEAD_FILE))


def save_picture(
    arrays: Mapping[str, npt.NDArray[Any]], subject: str, lines: Sequence[str], folder: Path
) -> None:
    """Write a picture: its subject, the names of its lines, and arrays ``<line>.<array>``."""
    save_arrays(arrays, folder / PICTURE_FILE)
    description = {"subject": subject, "lines": list(lines)}
    (folder / PICTURE_TEXT).write_text(json.dumps(description, indent=1) + "\n", "utf-8")


def load_picture(folder: Path) -> tuple[str, list[tuple[str, Arrays]]]:
    """Return the subject of a picture, and the name and arrays of each of its lines."""
    description = json.loads((folder / PICTURE_TEXT).read_text("utf-8"))
    arrays: list[Arrays] = [{} for _ in description["lines"]]
    for name, array in load_arrays(folder / PICTURE_FILE).items():
        line, _, part = name.partition(".")
        arrays[int(line)][part] = array
    return description["subject"], list(zip(description["lines"], arrays, strict=True))
