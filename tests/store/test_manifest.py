from __future__ import annotations

import json
from typing import Any

import pytest
from store_cases import ORIGIN, REF

from mood_sweeps.errors import CorruptObject
from mood_sweeps.identity import key_of
from mood_sweeps.store.manifest import FileRecord, Manifest

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


def test_the_digest_is_of_names_and_bytes_only() -> None:
    assert MANIFEST.digest == key_of({"a": "1" * 64, "b": "2" * 64})
    assert MANIFEST.size == 30


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
        json.dumps({**json.loads(MANIFEST.to_json()), "files": {"a": {"size": 1}}}),
        json.dumps({**json.loads(MANIFEST.to_json()), "files": [1]}),
        json.dumps({**json.loads(MANIFEST.to_json()), "unknown": 1}),
        json.dumps({**json.loads(MANIFEST.to_json()), "key": "0" * 64}),
        json.dumps({**json.loads(MANIFEST.to_json()), "kind": "finetune"}),
    ],
)
def test_what_is_no_manifest_of_the_object_is_corrupt(text: Any) -> None:
    with pytest.raises(CorruptObject) as caught:
        Manifest.from_json(text, REF)
    assert caught.value.ref == REF
