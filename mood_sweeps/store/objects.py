"""The artifact store: content-addressed objects on a file system shared by all workers.

Layout under the root::

    objects/<kind>/<first two of key>/<key>/…files…, manifest.json
    tmp/          where objects are written before they are renamed into place
    leases/       which process makes which object now (`leases.py`)
    quarantine/   objects with bytes that differ from their manifest
    unfinished/   the resume states of unfinished trainings (`unfinished_work.py`)

It writes and reads safetensors, JSON and other inert formats only; no file here can execute code.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.errors import CorruptObject, InputError
from mood_sweeps.identity import file_digest
from mood_sweeps.store.leases import Lease, Leases
from mood_sweeps.store.manifest import MANIFEST, Manifest, Origin, describe_files
from mood_sweeps.store.unfinished_work import Unfinished

__all__ = ["Ref", "Store"]

_log = logging.getLogger(__name__)

ABANDONED_S = 24 * 3600.0


@dataclass(frozen=True, order=True)
class Ref:
    """The name of one object: its kind (a folder) and its key."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key[:12]}"


class Store:
    """Objects by key; safe against crashes and other launches at any moment."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.leases = Leases(self.root / "leases")
        self._verified: set[Ref] = set()

    def prepare(self) -> None:
        """Make the folders; raise InputError if they cannot be written."""
        try:
            for name in ("objects", "tmp", "leases", "quarantine"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = (
                self.root / "tmp" / f"probe-{uuid.uuid4().hex}"
            )  # several launches may do this at once
            probe.touch()
            now = probe.stat().st_mtime
            os.link(probe, linked := probe.with_suffix(".link"))  # leases are made of hard links
            linked.unlink()
            probe.unlink()
            self._remove_abandoned(now)
        except OSError as error:
            raise InputError(
                f"the store {self.root} cannot be written: {error.strerror}"
            ) from error

    def has(self, ref: Ref) -> bool:
        """Whether the object is complete (its manifest is there)."""
        return (self._folder(ref) / MANIFEST).is_file()

    def refs(self, kind: str) -> Iterator[Ref]:
        """Yield every complete object of a kind, in the order of keys."""
        root = self.root / "objects" / kind
        if not root.is_dir():
            return
        for prefix in sorted(path for path in root.iterdir() if len(path.name) == 2):
            for entry in sorted(os.listdir(prefix)):
                ref = Ref(kind, entry)
                if self.has(ref):
                    yield ref

    def manifest(self, ref: Ref) -> Manifest:
        """Return the object's manifest; raise CorruptObject if it is missing or unreadable."""
        path = self._folder(ref) / MANIFEST
        try:
            return Manifest.from_json(path.read_bytes(), ref)
        except FileNotFoundError:
            raise CorruptObject(f"{ref} is not in the store {self.root}", ref) from None

    def folder(self, ref: Ref) -> Path:
        """Return the object's folder for reading.

        Sizes are checked always, SHA-256 when this process first reads the object. Raises
        CorruptObject if anything differs.
        """
        folder = self._folder(ref)
        for name, record in self.manifest(ref).files.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != record.size:
                raise CorruptObject(f"{ref}: {name} is missing or truncated", ref)
            if ref not in self._verified and file_digest(path) != record.sha256:
                raise CorruptObject(f"{ref}: the bytes of {name} changed after it was written", ref)
        self._verified.add(ref)
        return folder

    def is_sound(self, ref: Ref) -> bool:
        """Whether the object is complete and its files have the recorded sizes (cheap)."""
        try:
            files = self.manifest(ref).files
            folder = self._folder(ref)
            return all((folder / n).stat().st_size == record.size for n, record in files.items())
        except (CorruptObject, OSError):
            return False

    def publish(
        self,
        ref: Ref,
        write: Callable[[Path], None],
        origin: Origin,
        lease: Lease | None,
        seconds: float,
        provides: Mapping[str, Sequence[str]] | None = None,
        measured: Mapping[str, float] | None = None,
        doubts: Sequence[str] = (),
    ) -> Manifest:
        """Store an object: ``write`` fills a temporary folder, which is then renamed into place.

        seconds: the time that making its content took, recorded for estimates. measured: other
        measurements, recorded for people. doubts: see ``Manifest``.
        If another process published the same key meanwhile, its object stays and this one is
        discarded. Raises LeaseLost if ``lease`` was taken over since it was acquired.
        """
        temporary = self.root / "tmp" / f"{ref.key[:16]}.{uuid.uuid4().hex}"
        temporary.mkdir(parents=True)
        try:
            write(temporary)
            manifest = Manifest(
                kind=ref.kind,
                key=ref.key,
                origin=origin,
                files=describe_files(temporary),
                seconds=seconds,
                created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                provides={name: tuple(keys) for name, keys in (provides or {}).items()},
                measured=dict(measured or {}),
                doubts=tuple(doubts),
            )
            for path in temporary.iterdir():
                _flush_to_disk(path)
            (temporary / MANIFEST).write_text(manifest.to_json())
            _flush_to_disk(temporary / MANIFEST)
            _flush_to_disk(temporary)
            if lease is not None:
                lease.check()
            published = self._move_into_place(temporary, ref, manifest)
            _log.info("published %s %s: %d bytes", ref.kind, ref.key, published.size)
            return published
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def unfinished(self, ref: Ref, lease: Lease | None = None) -> Unfinished:
        """Return the place for the unfinished work on an object that does not exist yet."""
        return Unfinished(self.root / "unfinished" / ref.kind / ref.key, lease)

    def quarantine(self, ref: Ref) -> None:
        """Take an object with wrong bytes out of use, but keep it for inspection."""
        grave = self.root / "quarantine" / f"{ref.key}.{uuid.uuid4().hex[:8]}"
        grave.parent.mkdir(parents=True, exist_ok=True)
        self._verified.discard(ref)
        try:
            os.rename(self._folder(ref), grave)
        except FileNotFoundError:
            return
        _log.info("put %s %s into quarantine: %s", ref.kind, ref.key, grave)

    def _remove_abandoned(self, now: float) -> None:
        """Remove what killed processes left behind a day ago or longer.

        Also remove the states of finished trainings that a killed process left behind.

        now: by the clock that dates the files; this host's may be wrong.
        """
        unfinished = list((self.root / "unfinished").glob("*/*"))
        for path in unfinished:
            if self.has(Ref(path.parent.name, path.name.partition("-")[0])):
                path.unlink(missing_ok=True)
        temporaries = [path for path in unfinished if path.suffix]
        for path in [*(self.root / "tmp").iterdir(), *self.leases.temporary_files(), *temporaries]:
            # Another launch may do the same now; files of another user may not be removable.
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime <= ABANDONED_S:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()

    def _folder(self, ref: Ref) -> Path:
        return self.root / "objects" / ref.kind / ref.key[:2] / ref.key

    def _move_into_place(self, temporary: Path, ref: Ref, manifest: Manifest) -> Manifest:
        place = self._folder(ref)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(temporary, place)
        except OSError:
            if self.is_sound(ref):
                return self.manifest(ref)
            # The rest of an object, such as after an interrupted deletion, must not block the
            # place for ever.
            self.quarantine(ref)
            os.rename(temporary, place)
        _flush_to_disk(place.parent)
        return manifest


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
