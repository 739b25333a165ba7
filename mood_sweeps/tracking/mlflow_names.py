"""Names and values that MLflow accepts, and that a person reads with pleasure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from mood_sweeps.identity import key_of
from mood_sweeps.results.mlflow_records import LaunchShown, RepresentationShown

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

    Only letters, digits and ``_-.:`` remain. A label with other signs than a choice's own, or a
    long one, ends in a digest that keeps it apart from others.
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


def launch_name(launch: LaunchShown) -> str:
    """Return, for example, ``launch 3 · 2026-11-21 09:30``."""
    return f"launch {launch.id} · {launch.started_at[:16].replace('T', ' ')}"


def representation_name(shown: RepresentationShown) -> str:
    """Return, for example, ``mim · vit_nano · pt+ft · seed 0 · digits:0-5``."""
    seed = [] if shown.seed is None else [f"seed {shown.seed}"]
    parts = [shown.pretext, shown.backbone, shown.finetune, *seed, shown.id_set]
    return shortened(" · ".join(parts), MAX_NAME)


def model_name(shown: RepresentationShown) -> str:
    """Return, for example, ``mim-vit_nano-pt+ft-seed0``; MLflow refuses ``/:.%'"`` in it."""
    seed = [] if shown.seed is None else [f"seed{shown.seed}"]
    name = "-".join([shown.pretext, shown.backbone, shown.finetune, *seed])
    return shortened(re.sub(r"[/:.%'\"]", "_", name), MAX_NAME)


def flat(content: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return nested parameters as ``prefix.a.b`` → text, as MLflow takes them.

    A choice (a mapping with ``name``, ``version`` and ``parameters``) becomes ``prefix.pretext``
    for its name and ``prefix.pretext.<parameter>`` for each parameter.
    """
    found: dict[str, str] = {}
    for name, value in content.items():
        at = f"{prefix}.{_UNSAFE.sub('_', name)}"
        if isinstance(value, Mapping) and "name" in value:
            found[at[:MAX_NAME]] = shortened(str(value["name"]), MAX_VALUE)
            found |= flat(value.get("parameters", {}), at)
        elif isinstance(value, Mapping):
            found |= flat(value, at)
        else:
            found[at[:MAX_NAME]] = shortened(str(value), MAX_VALUE)
    return found


def milliseconds(iso: str) -> int:
    """Return an ISO 8601 time (UTC where it names no zone) as milliseconds since 1970."""
    time = datetime.datetime.fromisoformat(iso)
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return int(time.timestamp() * 1000)
