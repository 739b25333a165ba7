"""mood-sweep list: what an experiment file can name, with parameters and defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["command"]

THINGS = ("pretexts", "backbones", "finetunes", "scorers", "datasets")


@click.command("list")
@click.argument("what", type=click.Choice(THINGS), required=False)
def command(what: str | None) -> None:
    """List what an experiment file can name: WHAT, or everything."""
    for thing in [what] if what else THINGS:
        if not what:
            click.echo(f"\n{thing}")
        entries = _entries(thing)
        width = max(16, *(len(name) + 2 for name, _ in entries))
        for name, note in entries:
            click.echo(f"  {name:<{width}}{note}")


def _entries(thing: str) -> list[tuple[str, str]]:
    from mood_sweeps.data.catalogue import DATASETS
    from mood_sweeps.methods.finetunes import FINETUNES
    from mood_sweeps.methods.pretexts import PRETEXTS
    from mood_sweeps.methods.pretexts.choose_pretexts import LOADED
    from mood_sweeps.networks.backbones import BACKBONES
    from mood_sweeps.networks.published.catalogue import published
    from mood_sweeps.plugins.open_plugins import installed_names
    from mood_sweeps.plugins.plugin_catalogues import PLUGIN_CATALOGUES
    from mood_sweeps.scorers import SCORERS

    if thing == "datasets":
        return [(name, _image_set(name, entry)) for name, entry in DATASETS.items()]
    catalogues: dict[str, Any] = {
        "pretexts": PRETEXTS,
        "backbones": BACKBONES,
        "finetunes": FINETUNES,
        "scorers": SCORERS,
    }
    entries = [(name, _described(kind)) for name, kind in catalogues[thing].items()]
    if thing == "pretexts":
        entries += [
            (name, _published(published().get(name, {}), kind)) for name, kind in LOADED.items()
        ]
        entries.append(
            ("…", "and, with weights: published or weights: FILE, each task's own above")
        )
    if thing == "finetunes":
        entries.insert(0, ("pt", "no fine-tuning; stages follow with +, as in pt+ft"))
    if thing == "backbones":
        entries.append(("…", "and every architecture of timm by its name"))
    offered = installed_names(thing) if thing in PLUGIN_CATALOGUES else {}
    return [*entries, *((name, f"of an installed package: {at}") for name, at in offered.items())]


def _image_set(name: str, entry: Any) -> str:
    use = "ID or OOD" if "train" in entry.whole.splits else "OOD only"
    classes = entry.whole.classes
    select = (
        f"; some classes: {name}:{classes[0]}-{classes[len(classes) // 2]}" if entry.select else ""
    )
    return f"{entry.description} ({use}{select})"


def _published(backbones: Mapping[str, object], kind: Any) -> str:
    if not backbones:
        return _described(kind)
    return f"Published weights for {', '.join(list(backbones)[:3])} … ({len(backbones)} backbones)"


def _described(kind: Any) -> str:
    from mood_sweeps.scorers import Scorer

    fields = ", ".join(map(_field, dataclasses.fields(kind)))
    line = _first_line(kind)
    if issubclass(kind, Scorer):
        needs = f", needs {' and '.join(kind.needs)}" if kind.needs else ""
        line = f"[{kind.family}{needs}] {line}"
    return f"{line} ({fields})" if fields else line


def _field(field: dataclasses.Field[Any]) -> str:
    is_needed = field.default is dataclasses.MISSING
    return field.name if is_needed else f"{field.name}={field.default}"


def _first_line(entry: Any) -> str:
    return (getattr(entry, "__doc__", "") or str(entry)).strip().splitlines()[0]
