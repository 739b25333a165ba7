"""mood-sweep score: every scorer on features that a user extracted; no sweep, no Ray."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mood_sweeps.cli.plugin_options import debugger, plugin_timeout
from mood_sweeps.cli.score_table import CAPTION, accuracy_lines, notes, score_table
from mood_sweeps.cli.wording import counted
from mood_sweeps.errors import Problem
from mood_sweeps.external_features.choose_scorers import ALL
from mood_sweeps.external_features.output_files import METRICS, SCORES
from mood_sweeps.external_features.run_scorers import Scored
from mood_sweeps.external_features.score_sets import score
from mood_sweeps.scorers.numeric.array_device import DEVICES

__all__ = ["command"]

_WIDEST = 10_000  # columns of text: a table is never cut
LINE_EVERY = 10.0  # seconds, where there is no terminal to draw a bar on


@click.command("score")
@click.option("--id-train", metavar="FILE", required=True, help="ID features to learn from.")
@click.option("--id-test", metavar="FILE", required=True, help="ID features to detect as such.")
@click.option(
    "--ood",
    metavar="NAME=FILE",
    multiple=True,
    required=True,
    help="OOD features and what to call them, such as near=a.npz; can be repeated.",
)
@click.option("--id-val", metavar="FILE", help="ID features for scorers that fit on validation.")
@click.option("--head", metavar="FILE", help="weight (C, D) and bias (C,) of the last layer.")
@click.option(
    "--scorers",
    default=ALL,
    show_default=True,
    metavar="NAMES",
    help="Such as 'msp,vim@moodv2,knn(k=10)'; mood-sweep list scorers shows them.",
)
@click.option(
    "--plugin",
    "plugins",
    metavar="FILE.py",
    multiple=True,
    help="Scorers of your own, run in a process of their own; can be repeated.",
)
@plugin_timeout
@debugger
@click.option("--threads", type=click.IntRange(min=1), help="At most so many; default: every core.")
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default=DEVICES[0],
    show_default=True,
    help="Where matrix products are computed.",
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help=f"Where {SCORES} and {METRICS} go; other files there are left alone.",
)
def command(
    id_train: str,
    id_test: str,
    ood: tuple[str, ...],
    id_val: str | None,
    head: str | None,
    scorers: str,
    plugins: tuple[str, ...],
    plugin_timeout: float,
    debug: bool,
    threads: int | None,
    device: str,
    out: str,
) -> None:
    """Score features of your own with every scorer that they allow.

    A FILE is .npz, .safetensors or .pkl with the arrays features (N, D) and, where there are any,
    labels (N,) and logits (N, C); or .npy, one array, with the others named behind it:
    train.npy,labels=labels.npy. Logits are computed from the head where there are none.
    """
    problems: list[Problem] = []
    with _progress() as progress:
        scored = score(
            id_train,
            id_test,
            _by_name(ood, problems),
            id_val=id_val,
            head=head,
            scorers=scorers,
            plugins=plugins,
            plugin_timeout_s=plugin_timeout,
            debug=debug,
            out=out,
            threads=threads,
            device=device,
            progress=progress,
            problems=problems,
        )
    _say(scored, Path(out))
    sys.exit(1 if scored.failures else 0)


def _by_name(given: Sequence[str], problems: list[Problem]) -> Mapping[str, str]:
    named: dict[str, str] = {}
    for text in given:
        name, equals, source = text.partition("=")
        if not equals:
            problems.append(Problem(f"{text!r} has no name; write near={text}", "ood"))
        elif name in named:
            problems.append(Problem(f"{name!r} is there twice", "ood"))
        named[name] = source if equals else text
    return named


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """Yield what shows how far the run is, on stderr: a bar, or a line now and then."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        last = time.monotonic()

        def say(done: int, total: int, label: str) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_EVERY:
                last = time.monotonic()
                click.echo(f"{done} of {counted(total, 'scorer')} done; next: {label}", err=True)

        yield say
        return
    columns = (
        TextColumn("scorers"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[at]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, at="")
        yield lambda done, total, label: bar.update(task, completed=done, total=total, at=label)


def _say(scored: Scored, out: Path) -> None:
    """Print the table, what the reasons say, what failed, and where the files are."""
    for warned in scored.agreement.warnings.values():
        click.echo(f"warning: {warned}", err=True)
    table = score_table(scored.rows)
    console = Console(highlight=False)
    unbounded = console.options.update(max_width=_WIDEST)
    console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    if table.row_count:
        console.print(CAPTION, style="italic", soft_wrap=True)
        console.print(table)
    for line in (*accuracy_lines(scored.agreement), *notes(scored.rows)):
        console.print(line, markup=False, soft_wrap=True)
    for failure in scored.failures:
        if failure.traceback:
            text = failure.traceback.rstrip()
            click.echo(f"traceback of {failure.scorer}:\n{text}", err=True)
    with_numbers = sum(row.metrics["auroc"] is not None for row in scored.rows)
    console.print(
        f"{with_numbers:,} of {counted(len(scored.rows), 'row')} with numbers; "
        f"{out / SCORES}, {out / METRICS}",
        markup=False,
        soft_wrap=True,
    )
