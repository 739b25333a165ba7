"""The code and libraries that made the objects behind a number, from their manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mood_sweeps.store import Manifest, Ref, Store

__all__ = ["ScoreObjects", "environment_tags", "environment_without_host"]

_SCORES = "score"
_LEFT_OUT = frozenset({"host"})
"""The host does not matter: the same code on another machine is the same code."""


class ScoreObjects:
    """The scoring objects of a store, by the object key in rows of the results database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refs: dict[str, Ref] = {}
        self._groups: set[str] = set()

    def manifests(self, keys: Iterable[str]) -> Iterator[Manifest]:
        """Yield the manifests of the objects ``keys`` that the store still has.

        Raises CorruptObject if one cannot be read.
        """
        for key in dict.fromkeys(keys):
            ref = self._ref(key)
            if ref is not None and self._store.has(ref):
                yield self._store.manifest(ref)

    def _ref(self, key: str) -> Ref | None:
        if key not in self._refs:
            folder = self._store.root / "objects" / _SCORES
            groups = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
            # A new object most likely has a new group; else it was added to an old one.
            for candidates in (groups - self._groups, groups):
                for group in candidates:
                    kind = f"{_SCORES}/{group}"
                    self._refs |= {ref.key: ref for ref in self._store.refs(kind)}
                if key in self._refs:
                    break
            self._groups = groups
        return self._refs.get(key)


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
