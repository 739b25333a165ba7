"""The manifest of an object: written last, so that its presence means the object is complete.

It holds the digests of the object's files, and its own, so that a change of lineage is noticed too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mood_sweeps.errors import CorruptObject
from mood_sweeps.identity import file_digest, key_of

__all__ = ["MANIFEST", "FileRecord", "Manifest", "Origin", "describe_files"]

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class FileRecord:
    """Size in bytes and SHA-256 of one file of an object."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Origin:
    """What an object was made from, and how.

    content: what the key was computed from. inputs: the digest of each input, by its key.
    environment: recorded, never part of a key (host class, library builds, code).
    choices: the choices in ``content`` with every parameter, defaults included: for people.
    """

    content: Mapping[str, Any]
    inputs: Mapping[str, str]
    environment: Mapping[str, str]
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What one object is, what it was made from and which bytes belong to it.

    provides: keys of parts of the object that can be looked up by themselves. seconds: the wall
    time that making it took. created_at: ISO 8601, UTC. measured: other measurements of the run
    (images per second, memory), different in every run. doubts: what is wrong with the trainings
    behind it (see `note`), its own included.
    """

    kind: str
    key: str
    origin: Origin
    files: Mapping[str, FileRecord]
    seconds: float
    created_at: str
    provides: Mapping[str, tuple[str, ...]]
    measured: Mapping[str, float] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The identity of the object's bytes: equal for two runs that made the same bits."""
        return key_of({name: record.sha256 for name, record in self.files.items()})

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(record.size for record in self.files.values())

    def to_json(self) -> str:
        """Return the text to store, with a checksum of its content."""
        content = asdict(self)
        checked = {**content, "checksum": key_of(content)}
        return json.dumps(checked, indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, ref: Any) -> Manifest:
        """Read the stored manifest of the object ``ref``; raise CorruptObject if it is invalid."""
        try:
            raw = json.loads(text)
            if raw.pop("checksum") != key_of(raw):
                raise ValueError("its checksum is wrong")
            raw["origin"] = Origin(**raw["origin"])
            raw["files"] = {name: FileRecord(**record) for name, record in raw["files"].items()}
            raw["provides"] = {name: tuple(keys) for name, keys in raw["provides"].items()}
            raw["doubts"] = tuple(raw.get("doubts", ()))  # older manifests have none
            manifest = cls(**raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptObject(f"{ref}: no manifest: {error}", ref) from error
        if (manifest.kind, manifest.key) != (ref.kind, ref.key):
            raise CorruptObject(f"{ref}: the manifest is of {manifest.kind}/{manifest.key}", ref)
        return manifest


def describe_files(folder: Path) -> dict[str, FileRecord]:
    """Return size and SHA-256 of every file in ``folder`` (which holds no folders)."""
    return {
        path.name: FileRecord(path.stat().st_size, file_digest(path))
        for path in sorted(folder.iterdir())
    }
