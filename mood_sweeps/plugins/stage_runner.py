"""Run what needs a plugin's code beside its scorers: each plugin's in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeVar

from mood_sweeps.errors import (
    MOST_LINE,
    InputError,
    MoodSweepsError,
    PluginFailed,
    StageFailed,
    one_line,
)
from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.plugin_process import STARTING_S, PluginProcess, Refused

__all__ = ["StageRunner"]

T = TypeVar("T")

MOST_PROCESSES = 4
"""Processes of different plugins that one worker keeps."""


class StageRunner:
    """Has stages performed in the processes of the plugins that they need.

    limit_s: seconds without progress after which a plugin counts as hung. debug: run plugins' code
    in this process.
    """

    def __init__(self, limit_s: float, *, debug: bool = False) -> None:
        self._limit_s = limit_s
        self._debug = debug
        self._processes: dict[tuple[str, ...], PluginProcess] = {}
        self._performed = 0

    def perform(
        self,
        plugins: Sequence[Plugin],
        place: str,
        what: str,
        function: str,
        arguments: Sequence[Any],
        read: Callable[[Any, Path], T],
    ) -> T:
        """Return what ``function`` left behind, as ``read`` takes it from the answer and a folder.

        plugins: the function needs their code; one or more. They share a process that runs nothing
        else. place, what: ``file:line`` and words that a failure names where nothing better is
        known. function: ``module:function``, called there with the arguments, ``into`` (the folder)
        and ``at_work`` (to be called while there is progress); its answer is plain data. read:
        judges what came back; whatever it raises is the plugin's failure. Raises PluginFailed, and
        the StageFailed, InputError and LeaseLost that the function raises.
        """
        process = self._process(plugins)
        self._performed += 1
        into = process.folder / f"performed-{self._performed}"
        try:
            into.mkdir(parents=True)
            answer = self._answer(process, plugins, place, what, function, arguments, into)
            return read(answer, into)
        except Refused as refused:
            raise _error(refused, place, what) from None
        except (MoodSweepsError, LeaseLost):
            raise
        except Exception as error:
            process.kill()  # whatever it left there is not what was asked for
            raise PluginFailed(f"{place}: {what}: {one_line(error)}") from None
        finally:
            shutil.rmtree(into, ignore_errors=True)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def _answer(
        self,
        process: PluginProcess,
        plugins: Sequence[Plugin],
        place: str,
        what: str,
        function: str,
        arguments: Sequence[Any],
        into: Path,
    ) -> Any:
        if self._debug:
            return resolve_name(function)(*arguments, into=into, at_work=lambda: None)
        import cloudpickle  # late: only stages of plugins need it

        module = {"module": function.partition(":")[0]}
        process.ask("import", module, place, f"in {what}", STARTING_S)  # torch takes seconds
        request = {
            "function": function,
            "arguments": cloudpickle.dumps(tuple(arguments)).hex(),
            "into": str(into),
            "files": [one.path for one in plugins],
        }
        return process.ask("perform", request, place, f"in {what}")

    def _process(self, plugins: Sequence[Plugin]) -> PluginProcess:
        key = tuple(one.key for one in plugins)
        if key not in self._processes:
            while len(self._processes) >= MOST_PROCESSES:
                self._processes.pop(next(iter(self._processes))).close()
            self._processes[key] = PluginProcess(plugins[0], self._limit_s)
        return self._processes[key]


def _error(refused: Refused, place: str, what: str) -> Exception:
    message = " ".join(refused.message[: 2 * MOST_LINE].split())[:MOST_LINE]
    if refused.kind == "lease lost":
        return LeaseLost(message)
    if refused.kind == "stage failed":
        return StageFailed(message)
    named = f"{refused.place or place}: {what}: {message}"
    if refused.kind == "input":
        return InputError(named)
    return PluginFailed(named, refused.traceback)
