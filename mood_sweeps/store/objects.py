"""The artifact store: content-addressed objects on a file system shared by all workers.

Layout under the root::

    objects/<kind>/<first two of key>/<key>/…files…, manifest.json
    tmp/          where objects are written before they are renamed into place
    leases/       which process is making what now (`leases.py`)
    quarantine/   objects with bytes that differ from their manifest
    unfinished/   the states of trainings under way (`unfinished.py`)

Only safetensors, JSON and other inert formats are written and read; nothing here can execute code.
"""

from __future__ import annotations

import contextlib
import datetime
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

ABANDONED_S = 24 * 3600.0


@dataclass(frozen=True, order=True)
class Ref:
    """Names one object: its kind (a folder) and its key."""

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
        """Make the folders; raise InputError if the place cannot be written."""
        try:
            for name in ("objects", "tmp", "leases", "quarantine"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "tmp" / f"probe-{uuid.uuid4().hex}"  # launches side by side do this
            probe.touch()
            now = probe.stat().st_mtime
            os.link(probe, linked := probe.with_suffix(".link"))  # leases are made of hard links
            linked.unlink()
            probe.unlink()
            self._sweep_out(now)
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
        """Return the object's manifest; raise CorruptObject if there is none that can be read."""
        path = self._folder(ref) / MANIFEST
        try:
            return Manifest.from_json(path.read_bytes(), ref)
        except FileNotFoundError:
            raise CorruptObject(f"{ref} is not in the store {self.root}", ref) from None

    def folder(self, ref: Ref) -> Path:
        """Return the object's folder for reading.

        Sizes are checked always, SHA-256 when this process reads the object for the first time;
        raises CorruptObject if anything differs.
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
        """Store an object: ``write`` fills a folder aside, which is renamed into place when whole.

        seconds: what the making of its content took, recorded for estimates. measured: what else
        was measured while making it, recorded for people. doubts: see ``Manifest``.
        If another process published the same key meanwhile, its object stays and this one is
        discarded. Raises LeaseLost if ``lease`` was taken over since it was acquired.
        """
        aside = self.root / "tmp" / f"{ref.key[:16]}.{uuid.uuid4().hex}"
        aside.mkdir(parents=True)
        try:
            write(aside)
            manifest = Manifest(
                kind=ref.kind,
                key=ref.key,
                origin=origin,
                files=describe_files(aside),
                seconds=seconds,
                created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                provides={name: tuple(keys) for name, keys in (provides or {}).items()},
                measured=dict(measured or {}),
                doubts=tuple(doubts),
            )
            for path in aside.iterdir():
                _flush_to_disk(path)
            (aside / MANIFEST).write_text(manifest.to_json())
            _flush_to_disk(aside / MANIFEST)
            _flush_to_disk(aside)
            if lease is not None:
                lease.check()
            return self._move_into_place(aside, ref, manifest)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def unfinished(self, ref: Ref, lease: Lease | None = None) -> Unfinished:
        """Return the place for the unfinished work on an object that does not exist yet."""
        return Unfinished(self.root / "unfinished" / ref.kind / ref.key, lease)

    def quarantine(self, ref: Ref) -> None:
        """Take an object with wrong bytes out of use, keeping it for inspection."""
        grave = self.root / "quarantine" / f"{ref.key}.{uuid.uuid4().hex[:8]}"
        grave.parent.mkdir(parents=True, exist_ok=True)
        self._verified.discard(ref)
        try:
            os.rename(self._folder(ref), grave)
        except FileNotFoundError:
            return

    def _sweep_out(self, now: float) -> None:
        """Remove what processes that were killed left behind a day ago or longer.

        And states of finished trainings that were killed just before they could remove them.
        now: by the clock that dates the files; this host's may be wrong.
        """
        unfinished = list((self.root / "unfinished").glob("*/*"))
        for path in unfinished:
            if self.has(Ref(path.parent.name, path.name.partition("-")[0])):
                path.unlink(missing_ok=True)
        asides = [path for path in unfinished if path.suffix]
        for path in [*(self.root / "tmp").iterdir(), *self.leases.left_aside(), *asides]:
            # Another launch may be doing the same, and another user's may have to stay.
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime <= ABANDONED_S:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()

    def _folder(self, ref: Ref) -> Path:
        return self.root / "objects" / ref.kind / ref.key[:2] / ref.key

    def _move_into_place(self, aside: Path, ref: Ref, manifest: Manifest) -> Manifest:
        place = self._folder(ref)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(aside, place)
        except OSError:
            if self.is_sound(ref):
                return self.manifest(ref)
            # Remains of an object, such as a deletion that was cut short, must not keep the
            # place for ever.
            self.quarantine(ref)
            os.rename(aside, place)
        _flush_to_disk(place.parent)
        return manifest


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
