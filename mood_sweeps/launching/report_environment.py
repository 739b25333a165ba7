"""The lines of a report on the code and the libraries that made its objects."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from mood_sweeps.errors import CorruptObject
from mood_sweeps.store import Manifest, Ref, Store
from mood_sweeps.tracking.object_environments import ScoreObjects, environment_without_host
from mood_sweeps.tracking.training_lineage import training_manifests

__all__ = ["environment_lines"]

_BANKS = ("extract", "given", "ensemble")
_FIRST = ("mood-sweeps", "commit", "python")


def environment_lines(
    store: Store, representations: Iterable[str], score_objects: Iterable[str]
) -> list[str]:
    """Return a line for each environment in which objects of a sweep were made, the oldest first.

    representations: keys of checkpoints; their whole chains count. score_objects: keys of the
    objects that hold numbers; their banks count. Objects that are gone from the store are skipped.
    """
    found: dict[tuple[tuple[str, str], ...], Counter[str]] = defaultdict(Counter)
    for manifest in sorted(
        _distinct_manifests(store, representations, score_objects), key=lambda each: each.created_at
    ):
        kind = manifest.kind.partition("/")[0]
        found[tuple(sorted(environment_without_host(manifest).items(), key=_sort_key))][kind] += 1
    return [
        f"{_environment_text(dict(names))}: {_counts_text(kinds)}" for names, kinds in found.items()
    ]


def _distinct_manifests(
    store: Store, representations: Iterable[str], score_objects: Iterable[str]
) -> Iterator[Manifest]:
    seen: set[Ref] = set()
    for manifest in _manifests(store, representations, score_objects):
        ref = Ref(manifest.kind, manifest.key)
        if ref not in seen:
            seen.add(ref)
            yield manifest


def _manifests(
    store: Store, representations: Iterable[str], score_objects: Iterable[str]
) -> Iterator[Manifest]:
    scores = ScoreObjects(store)
    for key in dict.fromkeys(representations):
        try:
            yield from training_manifests(store, key)
        except CorruptObject:  # the next launch quarantines it and makes it again
            continue
    for key in dict.fromkeys(score_objects):
        try:
            for manifest in scores.manifests([key]):
                yield manifest
                for bank in manifest.origin.inputs:
                    refs = (Ref(kind, bank) for kind in _BANKS)
                    yield from (store.manifest(ref) for ref in refs if store.has(ref))
        except CorruptObject:
            continue


def _sort_key(item: tuple[str, str]) -> tuple[int, str]:
    name, _ = item
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _environment_text(names: dict[str, str]) -> str:
    device = names.pop("class")
    if not names.keys() & {"mood-sweeps", "commit"}:
        return f"code that did not record its version ({device})"
    return f"{', '.join(f'{name} {value}' for name, value in names.items())} ({device})"


def _counts_text(kinds: Counter[str]) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
