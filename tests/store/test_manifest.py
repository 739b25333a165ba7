from __future__ import annotations

import json
from typing import Any

import pytest

from mood_sweeps.errors import CorruptObject
from mood_sweeps.identity import key_of
from mood_sweeps.store.manifest import FileRecord, Manifest
from tests.support.store_objects import ORIGIN, REF

MANIFEST = Manifest(
    kind=REF.kind,
    key=REF.key,
    origin=ORIGIN,
    files={"b": FileRecord(20, "2" * 64), "a": FileRecord(10, "1" * 64)},
    seconds=0.25,
    created_at="2026-01-01T00:00:00+00:00",
    provides={"fits": ("c" * 64,)},
)


def test_a_manifest_reads_as_it_was_written() -> None:
    assert Manifest.from_json(MANIFEST.to_json(), REF) == MANIFEST
    assert Manifest.from_json(MANIFEST.to_json().encode(), REF) == MANIFEST
    assert Manifest.from_json(changed(), REF) == MANIFEST


def test_the_digest_depends_on_names_and_bytes_only() -> None:
    assert MANIFEST.digest == key_of({"a": "1" * 64, "b": "2" * 64})
    assert MANIFEST.size == 30


def changed(**fields: Any) -> str:
    """Return the manifest with other fields and a checksum that fits them."""
    content = {**json.loads(MANIFEST.to_json()), **fields}
    del content["checksum"]
    return json.dumps({**content, "checksum": key_of(content)})


def test_any_changed_byte_that_changes_the_content_is_noticed() -> None:
    text = MANIFEST.to_json().encode()
    unnoticed = []
    for position in range(len(text)):
        for flip in (0x01, 0x02, 0x10, 0x80):
            damaged = bytearray(text)
            damaged[position] ^= flip
            try:
                if Manifest.from_json(bytes(damaged), REF) != MANIFEST:
                    unnoticed.append((position, bytes(damaged[position - 10 : position + 10])))
            except CorruptObject:
                continue
    assert unnoticed == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        MANIFEST.to_json()[:-40],
        MANIFEST.to_json().encode().replace(b"fits", b"f\xff\xfes"),
        json.dumps({**json.loads(MANIFEST.to_json()), "seconds": 0.5}),
        changed(files={"a": {"size": 1}}),
        changed(files=[1]),
        changed(unknown=1),
        changed(key="0" * 64),
        changed(kind="finetune"),
    ],
)
def test_an_invalid_manifest_is_a_corrupt_object(text: Any) -> None:
    with pytest.raises(CorruptObject) as caught:
        Manifest.from_json(text, REF)
    assert caught.value.ref == REF
