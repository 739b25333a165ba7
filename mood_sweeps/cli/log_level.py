"""The option --log-level of every verb: records of standard `logging`, on standard error."""

from __future__ import annotations

import logging

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
            callback=_show_records,
            help="Which log records of mood_sweeps to print to standard error.",
        )
    )


def chosen_log_level() -> str:
    """Return the level of the command that runs."""
    return str(click.get_current_context().meta.get(_META, "warning"))


def _show_records(ctx: click.Context, _option: click.Parameter, level: str) -> None:
    ctx.meta[_META] = level
    root = logging.getLogger()
    shown = _StandardError()
    shown.setFormatter(logging.Formatter(_FORMAT))
    root.addHandler(shown)
    ours = logging.getLogger("mood_sweeps")
    before = ours.level
    ours.setLevel(level.upper())

    def forget() -> None:
        ours.setLevel(before)
        root.removeHandler(shown)

    ctx.call_on_close(forget)
