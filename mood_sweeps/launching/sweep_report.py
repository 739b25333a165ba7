"""Write a sweep's report from its results database, for `mood-sweep report` and for launches."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import CorruptObject, InputError
from mood_sweeps.launching.report_environment import environment_lines
from mood_sweeps.launching.revision_notices import shown_revision_line
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.revisions import revisions_of
from mood_sweeps.scorers import SCORERS
from mood_sweeps.store import Store
from mood_sweeps.store.codecs import load_picture

if TYPE_CHECKING:
    from mood_sweeps.aggregation.pictures_section import Drawn

__all__ = ["scorer_families", "write_sweep_report"]


def scorer_families() -> dict[str, str]:
    """Return the family of each scorer of the catalogue, which colours and orders tables."""
    return {name: scorer.family for name, scorer in SCORERS.items()}


def write_sweep_report(
    results: Results,
    store: Store,
    sweep: str | None,
    folder: Path | None,
    home: Path,
    revision: int | None = None,
) -> list[Path]:
    """Write the report of ``sweep`` (default: the last one launched); return the files.

    store: holds the pictures. folder: where to write; default ``reports/<sweep>`` in the workspace
    ``home``, or ``reports/<sweep>@<revision>`` for a revision that is not the current one.
    revision: its id; default: the current one.
    Raises InputError if there is no such sweep or the folder cannot be written.
    """
    # Late: pandas and matplotlib take seconds to import, and the rest of a launch needs neither.
    from mood_sweeps.aggregation.pictures_section import names_of
    from mood_sweeps.aggregation.report import write_report

    launches = results.launches()
    names = list(dict.fromkeys(row["sweep"] for row in launches))
    chosen = sweep or (names[0] if names else None)
    if chosen is None:
        raise InputError("nothing was launched in this workspace yet")
    revisions = revisions_of(results.database, chosen)
    if not revisions:
        raise InputError(f"no sweep {chosen!r}{did_you_mean(chosen, names)}")
    shown = next(
        (
            each
            for each in revisions
            if each.id == revision or (revision is None and each.is_current)
        ),
        None,
    )
    if shown is None:
        known = ", ".join(str(each.id) for each in revisions)
        raise InputError(f"sweep {chosen!r} has no revision {revision}; it has {known}")
    # By id: another launch may change the current revision meanwhile.
    frame = results.frame(sweep=chosen, revision=shown.id)
    frame = frame.drop(columns=["revision", "revision_digest"])
    provenance = {"sweep": chosen, "revision": str(shown), "database": results.database.display_url}
    if several := shown_revision_line(results, chosen, shown.id):
        provenance["revisions"] = several
    last = next((row for row in launches if row["revision"] == shown.id), None)
    if last is not None:
        provenance["last launch"] = f"{last['id']}, {last['started_at']}"
        provenance["plan"] = str(last["plan"])
    pictures, unread = _pictures(store, names_of(frame))
    environments = environment_lines(
        store, frame["representation_key"].unique(), results.object_keys(shown.id)
    )
    for number, line in enumerate(environments, 1):
        provenance["made with" if len(environments) == 1 else f"made with ({number})"] = line
    target = folder or home / "reports" / (chosen if shown.is_current else f"{chosen}@{shown.id}")
    try:
        return write_report(
            frame,
            results.confusions(sweep=chosen, revision=shown.id),
            target,
            title=chosen,
            provenance=provenance,
            families=scorer_families(),
            pictures=pictures,
            unread=unread,
        )
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None


def _pictures(store: Store, names: Mapping[str, str]) -> tuple[list[Drawn], list[str]]:
    """Return the pictures of the representations in ``names`` (names by key).

    Also return a line for each picture that cannot be read. Damaged ones are quarantined here,
    because perhaps no later launch reads them.
    """
    from mood_sweeps.aggregation.pictures_section import Drawn  # late, see `write_sweep_report`

    found, unread = [], []
    for ref in store.refs("picture"):
        label = "one of an unknown representation"
        try:
            checkpoint = store.manifest(ref).origin.content["checkpoint"]
            if checkpoint not in names:
                continue
            label = names[checkpoint]
            subject, lines = load_picture(store.folder(ref))
        except (CorruptObject, OSError) as error:
            unread.append(f"{label}: {error}")
            if isinstance(error, CorruptObject):
                with contextlib.suppress(OSError):  # the store may belong to another user
                    store.quarantine(ref)
        else:
            found.append(Drawn(label, subject, lines))
    return sorted(found, key=lambda picture: (picture.subject, picture.label)), sorted(unread)
