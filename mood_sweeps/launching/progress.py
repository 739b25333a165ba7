"""The display of a running sweep: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.launching.run_counts import RunCounts, log_note
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.job_table import CALL_KINDS

__all__ = ["LiveProgress", "PlainProgress", "Reporter", "SilentProgress"]

LABELS = {kind: kind for kind in CALL_KINDS} | {"score": "cells"}


class Reporter(Protocol):
    """Shows a run to a person; an engine listener that can also print a line.

    It counts nothing itself: the launch updates the counts that it passed to `begin`, before it
    passes the event to the reporter.
    """

    def say(self, line: str) -> None:
        """Show one line."""
        ...

    def begin(self, run_counts: RunCounts) -> None:
        """Begin to show a run."""
        ...

    def end(self) -> None:
        """Stop showing it."""
        ...

    def started(self, call: Call, attempt: int) -> None:
        """See `engine.loop.Listener`."""
        ...

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """See `engine.loop.Listener`."""
        ...

    def skipped(self, call: Call, cause: Call, outcome: Outcome) -> None:
        """See `engine.loop.Listener`."""
        ...

    def waiting(self, call: Call, holder: str) -> None:
        """See `engine.loop.Listener`."""
        ...


class SilentProgress:
    """Shows nothing; the default for calls from Python."""

    def say(self, line: str) -> None:
        """Drop the line."""

    def begin(self, run_counts: RunCounts) -> None:
        """Keep the counts, for lines that show how far the run is."""
        self.run_counts = run_counts

    def end(self) -> None:
        """Nothing to end."""

    def started(self, call: Call, attempt: int) -> None:
        """Print that a call is tried again."""
        if attempt > 1:
            self.say(f"{call}: attempt {attempt}")

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """Print failures at once; the error itself only if the launch's end will not name it."""
        del attempt
        error = f": {outcome.error}" if not final or outcome.verdict == "input corrupt" else ""
        if not outcome.is_finished:
            self.say(f"{call}: {outcome.verdict}{error}{log_note(outcome)}")
        if outcome.failures:
            lost = sum(len(failure.evaluation_keys) for failure in outcome.failures)
            self.say(f"{call}: {lost} cells failed{log_note(outcome)}")

    def skipped(self, call: Call, cause: Call, outcome: Outcome) -> None:
        """Print which failure keeps a call from running."""
        del outcome
        self.say(f"{call}: skipped, because {cause} failed")

    def waiting(self, call: Call, holder: str) -> None:
        """Print which process does the work that this launch waits for."""
        self.say(f"{call}: {holder} is doing this; waiting for it")


class PlainProgress(SilentProgress):
    """One line per finished call: for logs, pipes and batch jobs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """Print the line as it is."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """Print the finished call and how far the run is."""
        super().ended(call, attempt, outcome, final)
        if outcome.is_finished:
            self.say(f"{call}  {outcome.seconds:.1f} s  [{self.run_counts.summary()}]")


class LiveProgress(SilentProgress):
    """A bar per stage kind, redrawn in place, with what is running now below."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(console=console)
        self._tasks: dict[str, TaskID] = {}
        self._live: Live | None = None

    def say(self, line: str) -> None:
        """Print the line above the bars."""
        self._console.print(line, markup=False, highlight=False)

    def begin(self, run_counts: RunCounts) -> None:
        """Draw the bars."""
        super().begin(run_counts)
        self._progress = Progress(
            TextColumn("{task.description:>9}"),
            BarColumn(bar_width=36),
            MofNCompleteColumn(),
            console=self._console,
        )
        self._tasks = {
            kind: self._progress.add_task(
                LABELS[kind], total=run_counts.total[kind], completed=run_counts.done[kind]
            )
            for kind in CALL_KINDS
            if run_counts.total[kind]
        }
        self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=4)
        self._live.start()

    def end(self) -> None:
        """Leave the last state of the bars on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _render(self) -> Group:
        for kind, task in self._tasks.items():
            self._progress.update(task, completed=self.run_counts.done[kind])
        running = list(self.run_counts.running.values())  # a copy: the engine's thread changes it
        lines = [Text(f"  ▸ {call}", style="dim") for call in running]
        return Group(self._progress, Text(f"  {self.run_counts.summary()}"), *lines)
