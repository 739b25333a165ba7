"""The import job: a head or a set of external features, checked and copied into the store."""

from __future__ import annotations

from pathlib import Path

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.array_sources import Files
from mood_sweeps.external_features.checked_features import read_head, read_set
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.identity import file_digest
from mood_sweeps.jobs.context import JobContext, Product, make_object
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stage_inputs import ExternalBank, ExternalHead, HashedFiles
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store.codecs import save_bank, save_head

__all__ = ["run"]


def run(call: Call, context: JobContext) -> Outcome:
    """Read, check and copy the files that the call's stage names."""

    def make(stage: Stage) -> Product:
        work = stage.work
        assert isinstance(work, ExternalBank | ExternalHead)
        found = _read(work)
        return Product(lambda folder: _copy(work, found, folder))

    return make_object(call, context, make)


def _read(work: ExternalBank | ExternalHead) -> FeatureBank | Head | None:
    """Return the bank, or the head (None: headless), checked to the last value.

    Raises InputError with everything that is wrong.
    """
    head = _files(work.head) if work.head is not None else None
    problems = InputProblems()
    if isinstance(work, ExternalHead):
        found: FeatureBank | Head | None = read_head(head, problems) if head else None
    else:
        found = read_set(_files(work.files), head, problems, is_id=work.is_id)
    problems.raise_any()
    return found


def _copy(
    work: ExternalBank | ExternalHead, found: FeatureBank | Head | None, folder: Path
) -> None:
    """Write what was read into an object's folder.

    Raises InputError if a file is no longer the one that the object's key names. Files are hashed
    after copying: large ones are mapped, and read only while they are copied.
    """
    if isinstance(found, FeatureBank):
        save_bank(found, folder)
    elif found is not None:
        save_head(found, folder)
    for _, path, digest in (*(work.head or ()), *(getattr(work, "files", ()))):
        if file_digest(Path(path)) != digest:
            raise InputError(f"{path} changed after the launch was planned; launch again")


def _files(pinned: HashedFiles) -> Files:
    (_, first, _), *others = pinned
    return Files(first, {role: path for role, path, _ in others})
