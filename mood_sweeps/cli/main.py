"""mood-sweep: the command line. Parse, call one public function, print.

Each verb's module is imported only when the verb is used, so that ``--help`` is instant.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from mood_sweeps.cli.log_level import add_log_level
from mood_sweeps.cli.quit_on_signal import STOPPED, quit_at_once

__all__ = ["main"]

VERBS = {
    "plan": "Show what a sweep comes down to: cells, stages, what is cached, how long it takes.",
    "launch": "Run what is missing of a sweep. Relaunching resumes; extending adds.",
    "status": "Show what launches are doing, from any terminal.",
    "explain": "Say why a cell is cached or will run, stage by stage.",
    "logs": "Print what a worker printed and logged: of a cell, or of a call.",
    "run-call": "Repeat one call in this process, with a debugger if you like.",
    "results": "Print or export results: a table, CSV or Parquet.",
    "report": "Write comparative tables and the near-OOD confusion study.",
    "score": "Score features that you extracted yourself: every scorer, one command, no sweep.",
    "ui": "Open the MLflow UI on this workspace.",
    "list": "List pretext tasks, backbones, fine-tuning stages, scorers and data sets.",
}


class _LazyGroup(click.Group):
    """A group that knows its verbs' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in VERBS:
            return None
        if cmd_name == "launch":
            quit_at_once()  # before the imports, which take a second
        module = importlib.import_module(f"mood_sweeps.cli.{cmd_name.replace('-', '_')}_verb")
        command: click.Command = module.command
        if not any(option.name == "log_level" for option in command.params):
            add_log_level(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in VERBS:
            from mood_sweeps.choice import did_you_mean

            raise click.UsageError(f"no verb {args[0]!r}{did_you_mean(args[0], VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mood-sweeps", prog_name="mood-sweep")
def cli() -> None:
    """Which pretext task, backbone, fine-tuning stage and scorer detects OOD images best?

    One YAML file asks; `mood-sweep launch FILE` answers: each unique stage once, ever, and every
    number a row.
    """


def main() -> None:
    """Run the command line; the exit code is 0 done, 1 cells failed, 2 bad input, 130 stopped."""
    from mood_sweeps.errors import DatabaseError, InputError, StoreError

    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except InputError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(2)
    except (DatabaseError, StoreError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(STOPPED)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
