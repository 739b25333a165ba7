"""Read an experiment file for a verb, with a progress bar while images are looked at."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from mood_sweeps.experiment.experiment_file import load_sweep
from mood_sweeps.experiment.sweep import Sweep

__all__ = ["sweep_from"]


def sweep_from(file: str, overrides: Sequence[str], data_roots: Sequence[str]) -> Sweep:
    """Return the sweep of an experiment file; see `load_sweep`.

    The first time that images of a set are used, all of them are read; the bar is on stderr and
    vanishes at the end.
    """
    columns = (
        TextColumn("reading images"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:
        return load_sweep(file, overrides, data_roots=data_roots)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        return load_sweep(file, overrides, data_roots=data_roots, progress=show)
