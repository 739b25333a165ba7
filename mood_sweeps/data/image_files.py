"""Images that are files under one root: found, digested by many threads, decoded one by one."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.decode import MOST_BYTES, Unreadable, read_image, unreadable
from mood_sweeps.data.image_set import Pixels
from mood_sweeps.data.kept_digests import FileState, Found, KeptDigests
from mood_sweeps.data.listing import Contents, Progress, refuse_named
from mood_sweeps.data.texts import Texts

__all__ = ["ImageFiles", "find_files"]

_AT_ONCE = 32
_KEPT_AT_ONCE = 4_096
_UNREAD = bytes(32)


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Image files, each at a path under ``root``, as they were when they were listed.

    file_sizes, mtimes_ns: int64 (N,), bytes and nanoseconds.
    """

    root: str
    paths: Texts
    file_sizes: npt.NDArray[np.int64]
    mtimes_ns: npt.NDArray[np.int64]

    def sizes(self) -> npt.NDArray[np.int64]:
        """Return the bytes of each file, int64 (N,)."""
        return self.file_sizes

    def read(self, places: npt.NDArray[np.int64]) -> list[Pixels]:
        """Return the images at ``places``; InputError names all of them that cannot be read."""
        images: list[Pixels] = []
        problems: list[str] = []
        for place in places.tolist():
            image = read_image(Path(self._path(place)))
            if isinstance(image, Unreadable):
                problems.append(f"{self._path(place)}: {image.reason}")
            else:
                images.append(image)
        if problems:
            raise refuse_named(problems)
        return images

    def contents(
        self, places: npt.NDArray[np.int64], kept: KeptDigests, progress: Progress | None = None
    ) -> Contents:
        """Return digests, uint8 (n, 32), of the files at ``places``, and what is unreadable."""
        digests = np.zeros((len(places), 32), dtype=np.uint8)
        problems: dict[int, str] = {}
        total, done = int(self.file_sizes[places].sum()), 0
        for first in range(0, len(places), _KEPT_AT_ONCE):
            states = [self._state(place) for place in places[first : first + _KEPT_AT_ONCE]]
            known = kept.find(states)
            new: list[tuple[FileState, Found]] = []
            for indices, outcomes in _in_threads(states, known):
                for index, found in zip(indices, outcomes, strict=True):
                    digests[first + index] = np.frombuffer(found.digests, dtype=np.uint8)
                    if found.unreadable:
                        problems[first + index] = found.unreadable
                    if states[index].path not in known and found.digests != _UNREAD:
                        new.append((states[index], found))
                    done += states[index].size
                if progress is not None and indices:
                    progress(done, total)
            kept.keep(new)
        return Contents(digests, dict(sorted(problems.items())))

    def _path(self, place: int) -> str:
        return os.path.join(self.root, self.paths[place])

    def _state(self, place: int) -> FileState:
        return FileState(self._path(place), int(self.file_sizes[place]), int(self.mtimes_ns[place]))


def find_files(root: Path, paths: Texts) -> ImageFiles:
    """Return the files at ``paths`` under ``root``; InputError names all that are missing."""
    sizes = np.zeros(len(paths), dtype=np.int64)
    mtimes_ns = np.zeros(len(paths), dtype=np.int64)
    problems: list[str] = []
    for place, path in enumerate(paths):
        whole = os.path.join(root, path)
        try:
            found = os.stat(whole)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(f"{whole}: {reason or error}")
            continue
        if not stat.S_ISREG(found.st_mode):
            problems.append(f"{whole}: it is no file")
        sizes[place], mtimes_ns[place] = found.st_size, found.st_mtime_ns
    if problems:
        raise refuse_named(problems)
    return ImageFiles(str(root), paths, sizes, mtimes_ns)


def _in_threads(
    states: list[FileState], known: dict[str, Found]
) -> Iterator[tuple[list[int], list[Found]]]:
    """Yield indices in ``states`` and what these files hold, as it comes."""
    there = [index for index, state in enumerate(states) if state.path in known]
    yield there, [known[states[index].path] for index in there]
    missing = [index for index, state in enumerate(states) if state.path not in known]
    parts = [missing[start : start + _AT_ONCE] for start in range(0, len(missing), _AT_ONCE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(functools.partial(_examine_all, states), parts)


def _examine_all(states: list[FileState], indices: list[int]) -> tuple[list[int], list[Found]]:
    return indices, [_examine(states[index].path) for index in indices]


def _examine(path: str) -> Found:
    """Return the digest of a file's bytes, and why it is no image that can be used."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
            digest = hashlib.sha256(data)
            while len(data) > MOST_BYTES and (rest := file.read(2**24)):
                digest.update(rest)
    except OSError as error:
        return Found(_UNREAD, error.strerror or str(error))
    return Found(digest.digest(), unreadable(data))
