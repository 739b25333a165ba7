"""The option --log-level of every verb: records of standard `logging`, on standard error."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from typing import Any

import click

__all__ = ["add_log_level", "chosen_log_level"]

LEVELS = ("debug", "info", "warning", "error")
_FORMAT = "%(levelname)s %(name)s: %(message)s"
_META = f"{__name__}.level"


class _StandardError(logging.Handler):
    """Prints to standard error as it is now: a live display may have put itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        from mood_sweeps.engine.attempt_logs.teed_output import shown_stderr  # late: --help is fast

        try:
            click.echo(self.format(record), file=shown_stderr())
        except Exception:  # as every handler of logging does
            self.handleError(record)


def add_log_level(command: click.Command) -> None:
    """Give a verb the option."""
    command.params.append(
        click.Option(
            ["--log-level"],
            type=click.Choice(LEVELS),
            default="warning",
            show_default=True,
            expose_value=False,
            is_eager=True,
            callback=_note_level,
            help="Which log records of mood_sweeps to print to standard error.",
        )
    )
    run = command.callback
    assert run is not None

    # Around the call and not in the option's callback: a command line that is refused after that
    # callback never closes its context.
    @functools.wraps(run)
    def with_records(*arguments: Any, **options: Any) -> Any:
        with _records_shown(chosen_log_level()):
            return run(*arguments, **options)

    command.callback = with_records


def chosen_log_level() -> str:
    """Return the level of the command that runs."""
    return str(click.get_current_context().meta.get(_META, "warning"))


def _note_level(ctx: click.Context, _option: click.Parameter, level: str) -> None:
    ctx.meta[_META] = level


@contextlib.contextmanager
def _records_shown(level: str) -> Iterator[None]:
    """Print log records to standard error for as long as a verb runs."""
    root, ours = logging.getLogger(), logging.getLogger("mood_sweeps")
    shown = _StandardError()
    shown.setFormatter(logging.Formatter(_FORMAT))
    before = ours.level
    root.addHandler(shown)
    ours.setLevel(level.upper())
    try:
        yield
    finally:
        ours.setLevel(before)
        root.removeHandler(shown)
