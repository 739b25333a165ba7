"""Names and values that MLflow accepts and people can read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from mood_sweeps.identity import key_of
from mood_sweeps.results.mlflow_records import LaunchRecord, RepresentationRecord

__all__ = [
    "flat",
    "launch_name",
    "metric_safe",
    "milliseconds",
    "model_name",
    "representation_name",
    "shortened",
]

MAX_NAME = 250
MAX_VALUE = 6000
_UNSAFE = re.compile(r"[^\w\-.:]", re.ASCII)


def metric_safe(label: str) -> str:
    """Return a label as part of a metric's name: ``knn(k=10)`` becomes ``knn-k:10``.

    Only letters, digits and ``_-.:`` remain. A long label, or one with signs that no choice's label
    has, ends in a digest, so that different labels stay different.
    """
    plain = label
    for sign, instead in (("(", "-"), (")", ""), ("=", ":"), (", ", "-"), ("@", ":")):
        plain = plain.replace(sign, instead)
    safe = _UNSAFE.sub("_", plain)
    if safe != plain or not safe or len(safe) > MAX_NAME // 2:
        safe = f"{safe[: MAX_NAME // 2]}-{key_of(label)[:8]}"
    return safe


def shortened(text: str, limit: int) -> str:
    """Return ``text``, its end replaced by an ellipsis if it is longer than ``limit``."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def launch_name(launch: LaunchRecord) -> str:
    """Return, for example, ``launch 3 · 2026-11-21 09:30``."""
    return f"launch {launch.id} · {launch.started_at[:16].replace('T', ' ')}"


def representation_name(record: RepresentationRecord) -> str:
    """Return, for example, ``mim · vit_nano · pt+ft · seed 0 · digits:0-5``."""
    seed = [] if record.seed is None else [f"seed {record.seed}"]
    parts = [record.pretext, record.backbone, record.finetune, *seed, record.id_set]
    return shortened(" · ".join(parts), MAX_NAME)


def model_name(record: RepresentationRecord) -> str:
    """Return, for example, ``mim-vit_nano-pt+ft-seed0``; MLflow refuses ``/:.%'"`` in it."""
    seed = [] if record.seed is None else [f"seed{record.seed}"]
    name = "-".join([record.pretext, record.backbone, record.finetune, *seed])
    return shortened(re.sub(r"[/:.%'\"]", "_", name), MAX_NAME)


def flat(content: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return nested parameters as ``prefix.a.b`` → text, the form of MLflow's parameters.

    A choice (a mapping with ``name``, ``version`` and ``parameters``) becomes ``prefix.pretext``
    for its name and ``prefix.pretext.<parameter>`` for each parameter.
    """
    texts: dict[str, str] = {}
    for name, value in content.items():
        name_here = f"{prefix}.{_UNSAFE.sub('_', name)}"
        if isinstance(value, Mapping) and "name" in value:
            texts[name_here[:MAX_NAME]] = shortened(str(value["name"]), MAX_VALUE)
            texts |= flat(value.get("parameters", {}), name_here)
        elif isinstance(value, Mapping):
            texts |= flat(value, name_here)
        else:
            texts[name_here[:MAX_NAME]] = shortened(str(value), MAX_VALUE)
    return texts


def milliseconds(iso: str) -> int:
    """Return an ISO 8601 time (UTC where it names no zone) as milliseconds since 1970."""
    time = datetime.datetime.fromisoformat(iso)
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return int(time.timestamp() * 1000)
