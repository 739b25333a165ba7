"""With which code and libraries the objects behind a number were made, as their manifests say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mood_sweeps.store import Manifest, Ref, Store

__all__ = ["ScoreObjects", "environment_tags", "environment_without_host"]

_SCORES = "score"
_LEFT_OUT = frozenset({"host"})
"""The same code on another machine is the same code."""


class ScoreObjects:
    """The scoring objects of a store, by the key that a row of the results database has."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, Ref] = {}
        self._groups: set[str] = set()

    def manifests(self, keys: Iterable[str]) -> Iterator[Manifest]:
        """Yield the manifests of the objects ``keys``, those that the store still has.

        Raises CorruptObject if one cannot be read.
        """
        for key in dict.fromkeys(keys):
            ref = self._ref(key)
            if ref is not None and self._store.has(ref):
                yield self._store.manifest(ref)

    def _ref(self, key: str) -> Ref | None:
        if key not in self._found:
            folder = self._store.root / "objects" / _SCORES
            groups = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
            # What is new has most likely a group of its own; else an old one was added to.
            for some in (groups - self._groups, groups):
                for group in some:
                    kind = f"{_SCORES}/{group}"
                    self._found |= {ref.key: ref for ref in self._store.refs(kind)}
                if key in self._found:
                    break
            self._groups = groups
        return self._found.get(key)


def environment_tags(manifests: Iterable[Manifest]) -> dict[str, str]:
    """Return MLflow tags ``mood.environment.<name>``; where objects differ, all values in order."""
    values: dict[str, dict[str, None]] = {}
    for manifest in manifests:
        for name, value in environment_without_host(manifest).items():
            values.setdefault(name, {})[value] = None
    return {f"mood.environment.{name}": ", ".join(sorted(found)) for name, found in values.items()}


def environment_without_host(manifest: Manifest) -> Mapping[str, str]:
    """Return the environment of an object, without entries that cannot affect numbers."""
    environment = manifest.origin.environment
    return {name: value for name, value in environment.items() if name not in _LEFT_OUT}
