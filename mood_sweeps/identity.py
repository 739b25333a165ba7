"""Content identity: the canonical form of a value, its key, and seeds derived from it.

A key is the SHA-256 of canonical JSON (sorted keys, no spaces, no NaN). Two values have one key
exactly when they say the same thing; what has no canonical form is refused, because a hash that
differs by process would silently recompute or silently reuse.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["canonical", "derive_seed", "file_digest", "key_of", "non_default_fields"]


def canonical(value: Any) -> str:
    """Return the canonical JSON text of ``value``.

    Allowed: None, bool, int, finite float, str, list, tuple and mappings with string keys. An
    int and a float are different values; fields say which they are.
    Raises TypeError or ValueError, naming the place, for anything else.
    """
    return _ENCODER.encode(_plain(value, "value"))


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
)
_SCALARS = (str, bool, int, type(None))


def _plain(value: Any, where: str) -> Any:
    """Return ``value`` in dicts, lists and scalars; refuse what differs from process to process."""
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}: only finite numbers have an identity")
        return value
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"{where} has the key {name!r}: only strings can be keys")
        return {name: _plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise TypeError(
        f"{where} is a {type(value).__name__}, which has no reproducible form: "
        "use numbers, strings, lists and mappings"
    )


def key_of(value: Any) -> str:
    """Return the 64-digit hexadecimal key of ``value`` (SHA-256 of its canonical form)."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def file_digest(path: Path) -> str:
    """Return the 64-digit hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def derive_seed(axis_seed: int, kind: str, role: str) -> int:
    """Return the seed (0 ≤ seed < 2**63) for one role inside one stage kind.

    Deriving keeps streams apart: drawing one number more in one role never shifts another's.
    """
    digest = hashlib.sha256(canonical([axis_seed, kind, role]).encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def non_default_fields(choice: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance that differ from their defaults.

    Leaving defaults out of keys lets a later version add a field, at its default, without
    renaming everything that exists. Changing a default therefore needs a version bump.
    """
    changed = {}
    for field in dataclasses.fields(choice):
        value = getattr(choice, field.name)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING or value != default:
            changed[field.name] = list(value) if isinstance(value, tuple) else value
    return changed
