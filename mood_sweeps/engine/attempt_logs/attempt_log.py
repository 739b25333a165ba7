"""The log of one attempt, as `run_call` writes it: its first and last lines, and its failure."""

from __future__ import annotations

import datetime
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mood_sweeps.engine.attempt_logs.log_records import Write
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call

__all__ = ["NO_LOG", "AttemptLog", "OpenedLog", "Output"]


class Output(Protocol):
    """How the output of a process gets into a log."""

    def into(self, log: Path | None, level: str) -> AbstractContextManager[Write]:
        """Log what happens in the block, and yield what writes into the log alone."""
        ...


@dataclass(frozen=True)
class OpenedLog:
    """The log while the attempt runs."""

    write: Write

    def begin(self, call: Call, worker: str) -> None:
        """Write which call begins, and where."""
        self._line(f"{call} begins on {worker}")
        self._line(f"call {call.key}")

    def failure(self, error: BaseException) -> None:
        """Write the whole traceback of an error."""
        self.write("".join(traceback.format_exception(error)))

    def end(self, outcome: Outcome) -> None:
        """Write what came of the attempt, and what failed inside a scoring call."""
        for failed in outcome.failures:
            self._line(f"{len(failed.evaluation_keys)} cells failed: {failed.error}")
            self.write(failed.traceback and f"{failed.traceback.rstrip()}\n")
        error = f": {outcome.error}" if outcome.error else ""
        self._line(f"{outcome.verdict} after {outcome.seconds:.1f} s{error}")

    def cut_short(self, error: BaseException) -> None:
        """Write that the attempt came to no outcome, after Ctrl-C for example."""
        self._line(f"cut short by {type(error).__name__}")

    def _line(self, text: str) -> None:
        now = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        self.write(f"{now} {text}\n")


@dataclass(frozen=True)
class AttemptLog:
    """Where an attempt is logged. file: None for nowhere."""

    output: Output
    file: Path | None

    @contextmanager
    def opened(self, level: str) -> Iterator[OpenedLog]:
        """Log what happens in the block."""
        with self.output.into(self.file, level) as write:
            opened = OpenedLog(write)
            try:
                yield opened
            except BaseException as error:
                opened.cut_short(error)
                raise


class _Nowhere:
    @contextmanager
    def into(self, log: Path | None, level: str) -> Iterator[Write]:
        del log, level
        yield lambda _: None


NO_LOG = AttemptLog(_Nowhere(), None)
