"""Given stages: a head or a set of features in the user's files in, its copy for the store out."""

from __future__ import annotations

from pathlib import Path

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.array_sources import Files
from mood_sweeps.external_features.checked_features import read_head, read_set
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.identity import file_digest
from mood_sweeps.planning.stage_inputs import ExternalBank, ExternalHead, HashedFiles
from mood_sweeps.store.codecs import save_bank, save_head

__all__ = ["import_external", "read_external_files"]


def read_external_files(work: ExternalBank | ExternalHead) -> FeatureBank | Head | None:
    """Return the bank, or the head (None: headless), checked to the last value.

    Raises InputError with everything that is wrong.
    """
    head = _files(work.head) if work.head is not None else None
    complaints = InputProblems()
    if isinstance(work, ExternalHead):
        found: FeatureBank | Head | None = read_head(head, complaints) if head else None
    else:
        found = read_set(_files(work.files), head, complaints, is_id=work.is_id)
    complaints.raise_any()
    return found


def import_external(
    work: ExternalBank | ExternalHead, found: FeatureBank | Head | None, folder: Path
) -> None:
    """Write what was read into an object's folder.

    Raises InputError if a file is no longer what the object's key says. Looked at last: large
    files are mapped, and read while they are copied.
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
