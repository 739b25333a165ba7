"""The report of a sweep out of its results database: `mood-sweep report`, and the launch's own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import CorruptObject, InputError
from mood_sweeps.launching.report_environment import made_with
from mood_sweeps.launching.revision_notices import what_is_shown
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.revisions import revisions_of
from mood_sweeps.scorers import SCORERS
from mood_sweeps.store import Store
from mood_sweeps.store.codecs import load_picture

if TYPE_CHECKING:
    from mood_sweeps.aggregation.pictures_section import Drawn

__all__ = ["report_on", "scorer_families"]


def scorer_families() -> dict[str, str]:
    """Return the family of each scorer of the catalogue, which colours and orders tables."""
    return {name: scorer.family for name, scorer in SCORERS.items()}


def report_on(
    results: Results,
    store: Store,
    sweep: str | None,
    folder: Path | None,
    home: Path,
    revision: int | None = None,
) -> list[Path]:
    """Write the report of ``sweep`` (default: the last one launched); return the files.

    store: where pictures are, if there are any. folder: where to; default ``reports/<sweep>`` in
    the workspace ``home``, or ``reports/<sweep>@<revision>`` of one that is not the current one.
    revision: which one; default: the current one.
    Raises InputError if there is no such sweep or the folder cannot be written.
    """
    # pandas and matplotlib come in here, seconds that nothing else in a launch needs.
    from mood_sweeps.aggregation.pictures_section import names_of
    from mood_sweeps.aggregation.report import write_report

    launches = results.launches()
    names = list(dict.fromkeys(row["sweep"] for row in launches))
    chosen = sweep or (names[0] if names else None)
    if chosen is None:
        raise InputError("nothing was launched in this workspace yet")
    found = revisions_of(results.database, chosen)
    if not found:
        raise InputError(f"no sweep {chosen!r}{did_you_mean(chosen, names)}")
    shown = next(
        (each for each in found if each.id == revision or (revision is None and each.is_current)),
        None,
    )
    if shown is None:
        known = ", ".join(str(each.id) for each in found)
        raise InputError(f"sweep {chosen!r} has no revision {revision}; it has {known}")
    # By its number: another launch may make its own the current one meanwhile.
    frame = results.frame(sweep=chosen, revision=shown.id)
    frame = frame.drop(columns=["revision", "revision_digest"])
    provenance = {"sweep": chosen, "revision": str(shown), "database": results.database.shown}
    if several := what_is_shown(results, chosen, shown.id):
        provenance["revisions"] = several
    last = next((row for row in launches if row["revision"] == shown.id), None)
    if last is not None:
        provenance["last launch"] = f"{last['id']}, {last['started_at']}"
        provenance["plan"] = str(last["plan"])
    pictures, unread = _pictures(store, names_of(frame))
    environments = made_with(
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
    """Return the pictures of representations in the order of ``names``, their names by key.

    And which of them cannot be read, and why; those that are damaged are put into quarantine, as
    no later launch may ever read them.
    """
    from mood_sweeps.aggregation.pictures_section import Drawn  # late, see `report_on`

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
                with contextlib.suppress(OSError):  # a store that others own
                    store.quarantine(ref)
        else:
            found.append(Drawn(label, subject, lines))
    return sorted(found, key=lambda picture: (picture.subject, picture.label)), sorted(unread)
