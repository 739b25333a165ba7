"""A reference to the image set that was planned, which a worker on any machine can open."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mood_sweeps.data.catalogue import ImageSets
from mood_sweeps.data.definitions import definition_from_json, definition_to_json
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.listing import Definition
from mood_sweeps.data.local_files import kept_digests
from mood_sweeps.data.selections import SelectedSet, parse_name
from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError

__all__ = ["PlannedSet"]


@dataclass(frozen=True)
class PlannedSet:
    """An image set as a plan refers to it: which one, and the fingerprint it was planned with.

    definition: where the images of a set are that the experiment file defines; None for a built-in
    set. full: whether all contents are in the fingerprint.
    """

    name: str
    fingerprint: str
    definition: Definition | None = None
    full: bool = False

    @classmethod
    def of(cls, images: ImageSet) -> Self:
        """Return the reference to an image set."""
        whole = images.parent if isinstance(images, SelectedSet) else images
        if not isinstance(whole, UserSet):
            return cls(images.name, images.fingerprint)
        return cls(images.name, images.fingerprint, whole.definition, not whole.is_sampled)

    def to_json(self) -> dict[str, Any]:
        """Return the reference as plain values, for a process that is started with them."""
        definition = None if self.definition is None else definition_to_json(self.definition)
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "definition": definition,
            "full": self.full,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_json` was called for."""
        definition = plain["definition"]
        found = None if definition is None else definition_from_json(definition)
        return cls(**{**plain, "definition": found})

    def open(self) -> ImageSet:
        """Return the image set that was planned.

        Raises InputError if it is not on this machine, or no longer what it was.
        """
        images = self._find()
        if images.fingerprint != self.fingerprint:
            _image_sets.cache_clear()  # the files may have changed between two launches
            images = self._find()
        if images.fingerprint != self.fingerprint:
            raise InputError(f"image set {self.name!r} has changed since it was planned")
        return images

    def _find(self) -> ImageSet:
        source = parse_name(self.name).source
        return _image_sets(source, self.definition, self.full)(self.name)


@functools.lru_cache(maxsize=64)
def _image_sets(source: str, definition: Definition | None, full: bool) -> ImageSets:
    """Return what finds sets of one source: its images are listed once in each process."""
    if definition is None:
        return ImageSets()
    return ImageSets({source: definition}, kept_digests(), full=frozenset([source] if full else []))
