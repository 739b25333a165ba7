"""Run scorers: the package's own here, each plugin's in a process of its own."""

from __future__ import annotations

import itertools
import pdb
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import Choice
from mood_sweeps.errors import (
    MOST_LINE,
    InputError,
    MoodSweepsError,
    PluginFailed,
    Undefined,
    one_line,
    plain,
)
from mood_sweeps.plugins.declared_scorers import AnyScorer, PluginScorer, declared_of
from mood_sweeps.plugins.load_plugin import load_scorers
from mood_sweeps.plugins.plugin_process import PluginProcess, Refused
from mood_sweeps.plugins.shared_arrays import Shared, mapped
from mood_sweeps.plugins.stage_runner import StageRunner
from mood_sweeps.plugins.stand_ins import values_of
from mood_sweeps.scorers import Scores, State
from mood_sweeps.scorers.check_returned import checked_scores, checked_state
from mood_sweeps.scorers.notes import checked_notes, notes_of
from mood_sweeps.scorers.numeric.array_device import device

__all__ = ["LIMIT_S", "ScorerRunner", "Stored"]

T = TypeVar("T")

LIMIT_S = 1800.0
"""Seconds that a plugin's scorer may take to fit or to score one bank; longer counts as hung."""
MOST_PROCESSES = 4
"""Processes of different plugins that one worker keeps."""
MOST_STATE_BYTES = 8 << 30


@dataclass(frozen=True)
class Stored:
    """Where another process finds a bank. folder: of its object.

    opened_by: ``module:function`` that gives the bank its network and images in the plugin's
    process, called with the bank and ``source``; None where the scorers need neither.
    """

    folder: Path
    opened_by: str = ""
    source: Mapping[str, Any] | None = None


class ScorerRunner:
    """Fits scorers and scores banks for one worker.

    limit_s: see ``LIMIT_S``. threads: of a plugin's process; None for every core. debug: run
    plugins' code in this process, and open a debugger where a scorer raises. ``stages`` performs
    what needs a plugin's code beside its scorers.
    """

    def __init__(
        self, limit_s: float = LIMIT_S, threads: int | None = 1, *, debug: bool = False
    ) -> None:
        self._limit_s = limit_s
        self._threads = threads
        self._debug = debug
        self._processes: dict[str, tuple[PluginProcess, Shared]] = {}
        self._numbers = itertools.count()
        self.stages = StageRunner(limit_s, debug=debug)

    def fit(
        self,
        scorer: Choice[AnyScorer],
        bank: FeatureBank,
        head: Head | None,
        stored: Stored | None = None,
    ) -> State:
        """Return what a scorer learns from a bank.

        stored: where the bank's object is, if it has one. Raises what the scorer raises (a
        plugin's: InputError and Undefined as they are, else PluginFailed), TypeError for what is
        no state.
        """
        parameters = scorer.parameters
        if not isinstance(parameters, PluginScorer):
            with self._debugger():
                return checked_state(parameters.fit(bank, head))
        if self._debug:
            return checked_state(_debugged(scorer, parameters, "fit", bank, head))
        request = {"head": {} if head is None else head.arrays}
        return self._ask(
            scorer,
            parameters,
            "fit",
            bank,
            request,
            stored,
            lambda files, at: checked_state(_read(files, at)),
        )

    def score(
        self,
        scorer: Choice[AnyScorer],
        state: State,
        bank: FeatureBank,
        stored: Stored | None = None,
    ) -> Scores:
        """Return the scores of a bank, float64 (N,); raises as `fit` does."""
        parameters, n = scorer.parameters, len(bank)
        if not isinstance(parameters, PluginScorer):
            with self._debugger():
                return checked_scores(parameters.score(state, bank), n)
        if self._debug:
            return checked_scores(_debugged(scorer, parameters, "score", state, bank), n)

        def read(files: Any, folder: Path) -> Scores:
            return checked_scores(_read(files, folder)["scores"], n)

        return self._ask(scorer, parameters, "score", bank, {"state": state}, stored, read)

    def notes(
        self,
        scorer: Choice[AnyScorer],
        state: State,
        bank: FeatureBank,
        stored: Stored | None = None,
    ) -> tuple[str, ...]:
        """Return what a scorer says of its scores of a bank; raises as `fit` does."""
        parameters = scorer.parameters
        if not isinstance(parameters, PluginScorer):
            return notes_of(parameters, state, bank)
        if not declared_of(parameters).has_notes:
            return ()
        if self._debug:
            return checked_notes(_debugged(scorer, parameters, "notes", state, bank))
        return self._ask(
            scorer,
            parameters,
            "notes",
            bank,
            {"state": state},
            stored,
            lambda notes, _: checked_notes(notes),
        )

    @contextmanager
    def _debugger(self) -> Iterator[None]:
        """Open the debugger where one of the package's own scorers raises, if that is wanted."""
        try:
            yield
        except (InputError, Undefined):
            raise
        except Exception as error:
            if self._debug:
                traceback.print_exc()
                pdb.post_mortem(error.__traceback__)
            raise

    def forget(self) -> None:
        """Delete the files that were written for the banks so far; the processes stay."""
        for _, shared in self._processes.values():
            shared.forget()

    def close(self) -> None:
        """End the plugins' processes."""
        for process, shared in self._processes.values():
            shared.forget()
            process.close()
        self._processes.clear()
        self.stages.close()

    def _ask(
        self,
        scorer: Choice[AnyScorer],
        parameters: PluginScorer,
        what: str,
        bank: FeatureBank,
        shared: Mapping[str, Mapping[str, npt.NDArray[Any]]],
        stored: Stored | None,
        read: Callable[[Any, Path], T],
    ) -> T:
        """Return what a plugin's process answers, as ``read`` takes it from the answer's folder.

        shared: arrays that the request shows beside the bank, by its keys.
        """
        process, _ = self._process(parameters)
        place = declared_of(parameters).place_of(what)
        given = {
            name: value for name, value in values_of(parameters).items() if name in scorer.given
        }
        into = process.folder / f"answer-{next(self._numbers)}"
        try:
            into.mkdir(parents=True)
            asked = {
                "scorer": {scorer.name: given},
                "bank": self._bank(parameters, bank, stored),
                "into": str(into),
                "device": device().name,
                **{name: self._files(parameters, arrays) for name, arrays in shared.items()},
            }
            answer = process.ask(what, asked, place, f"in {what} of scorer {scorer.label!r}")
            return read(answer, into)
        except Refused as refused:
            _raise(refused, scorer, place)
        except MoodSweepsError:
            raise
        except Exception as error:
            process.kill()  # it checks its answers itself, unless the plugin changed that
            raise PluginFailed(f"{place}: scorer {scorer.label!r}: {one_line(error)}") from None
        finally:
            shutil.rmtree(into, ignore_errors=True)  # what is mapped stays until it is let go

    def _process(self, parameters: PluginScorer) -> tuple[PluginProcess, Shared]:
        plugin = declared_of(parameters).plugin
        key = plugin.key
        if key not in self._processes:
            while len(self._processes) >= MOST_PROCESSES:
                process, _ = self._processes.pop(next(iter(self._processes)))
                process.close()
            process = PluginProcess(plugin, self._limit_s, self._threads)
            self._processes[key] = process, Shared(process.folder)
        return self._processes[key]

    def _files(
        self, parameters: PluginScorer, arrays: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, str]:
        _, shared = self._process(parameters)
        return {name: shared.file_of(array) for name, array in arrays.items()}

    def _bank(
        self, parameters: PluginScorer, bank: FeatureBank, stored: Stored | None
    ) -> dict[str, Any]:
        if stored is None:
            parts = {"features": bank.features, "labels": bank.labels, "logits": bank.logits}
            there = {name: array for name, array in parts.items() if array is not None}
            return {"folder": "", "arrays": self._files(parameters, there), "live": None}
        live = stored.opened_by and {
            "opened_by": stored.opened_by,
            "from": dict(stored.source or {}),
        }
        return {"folder": str(stored.folder), "arrays": {}, "live": live or None}


def _read(files: Mapping[str, str], folder: Path) -> dict[str, npt.NDArray[Any]]:
    paths = {str(name): folder / Path(str(file)).name for name, file in files.items()}
    size = sum(path.stat().st_size for path in paths.values())
    if size > MOST_STATE_BYTES:
        raise ValueError(f"{size:,} bytes; at most {MOST_STATE_BYTES:,} are taken")
    return {name: mapped(path) for name, path in paths.items()}


def _raise(refused: Refused, scorer: Choice[AnyScorer], place: str) -> NoReturn:
    message = " ".join(refused.message[: 2 * MOST_LINE].split())[:MOST_LINE]
    if refused.kind == "undefined":
        raise Undefined(message) from None
    named = f"{refused.place or place}: scorer {scorer.label!r}: {message}"
    if refused.kind == "input":
        raise InputError(named) from None
    raise PluginFailed(named, refused.traceback) from None


def _debugged(
    scorer: Choice[AnyScorer], parameters: PluginScorer, method: str, *arguments: Any
) -> Any:
    """Call a plugin's scorer in this process; where it raises, open the debugger there."""
    declared = declared_of(parameters)
    kind = load_scorers(declared.plugin)[scorer.name]
    given = {name: getattr(parameters, name) for name in scorer.given}
    try:
        return getattr(kind(**given), method)(*arguments)
    except (InputError, Undefined):
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        pdb.post_mortem(error.__traceback__)
        place = declared.place_of(method)
        raise PluginFailed(
            f"{place}: scorer {scorer.label!r}: {one_line(error)}", plain(traceback.format_exc())
        ) from error
