"""What a report says of the code and the libraries behind its numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from mood_sweeps.errors import CorruptObject
from mood_sweeps.store import Manifest, Ref, Store
from mood_sweeps.tracking.object_environments import ScoreObjects, shown
from mood_sweeps.tracking.training_lineage import training_manifests

__all__ = ["made_with"]

_BANKS = ("extract", "given", "ensemble")
_FIRST = ("mood-sweeps", "commit", "python")


def made_with(
    store: Store, representations: Iterable[str], score_objects: Iterable[str]
) -> list[str]:
    """Return a line for each environment in which objects of a sweep were made, the oldest first.

    representations: keys of checkpoints; their whole chains count. score_objects: keys of the
    objects that hold numbers; their banks count. What the store has no more is passed by.
    """
    found: dict[tuple[tuple[str, str], ...], Counter[str]] = defaultdict(Counter)
    for manifest in sorted(
        _distinct(store, representations, score_objects), key=lambda each: each.created_at
    ):
        kind = manifest.kind.partition("/")[0]
        found[tuple(sorted(shown(manifest).items(), key=_order))][kind] += 1
    return [f"{_environment(dict(names))}: {_objects(kinds)}" for names, kinds in found.items()]


def _distinct(
    store: Store, representations: Iterable[str], score_objects: Iterable[str]
) -> Iterator[Manifest]:
    seen: set[Ref] = set()
    for manifest in _all(store, representations, score_objects):
        ref = Ref(manifest.kind, manifest.key)
        if ref not in seen:
            seen.add(ref)
            yield manifest


def _all(
    store: Store, representations: Iterable[str], score_objects: Iterable[str]
) -> Iterator[Manifest]:
    scores = ScoreObjects(store)
    for key in dict.fromkeys(representations):
        try:
            yield from training_manifests(store, key)
        except CorruptObject:  # the next launch puts it away and makes it again
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


def _order(item: tuple[str, str]) -> tuple[int, str]:
    name, _ = item
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _environment(names: dict[str, str]) -> str:
    device = names.pop("class")
    if not names.keys() & {"mood-sweeps", "commit"}:
        return f"code that did not record its version ({device})"
    return f"{', '.join(f'{name} {value}' for name, value in names.items())} ({device})"


def _objects(kinds: Counter[str]) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
