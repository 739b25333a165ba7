"""What runs in a plugin's process: read a request, let the plugin's code do it, answer in a line.

Nothing in here is trusted by the other side: the plugin may have changed any of it.
"""

from __future__ import annotations

import ctypes
import dataclasses
import faulthandler
import importlib
import inspect
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import OUT_OF_KEYS, Choice, Parameters, choose, choose_all
from mood_sweeps.errors import InputError, StageFailed, Undefined, one_line, shortened
from mood_sweeps.identity import canonical
from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.load_plugin import (
    load_catalogues,
    load_scorers,
    source_digest,
)
from mood_sweeps.plugins.plugin_catalogues import PLUGIN_CATALOGUES
from mood_sweeps.plugins.shared_arrays import mapped, written
from mood_sweeps.scorers.check_returned import checked_scores, checked_state
from mood_sweeps.scorers.notes import notes_of
from mood_sweeps.scorers.numeric.array_device import computing_on, device_named
from mood_sweeps.store.codecs import map_bank

__all__ = ["main", "opaque"]

_PR_SET_PDEATHSIG = 1
_MOST_BANKS, _MOST_PROBLEMS = 8, 20
_SAY_EVERY_S = 1.0


def main(settings: str) -> None:
    """Serve the process at the other end of the pipes until it closes them or dies."""
    given = json.loads(settings)
    with open(given["faults"], "a", encoding="utf-8") as faults:
        _end_with_parent(given["alive"])
        _leave_traces(faults)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # a crash flushes nothing
        requests = os.fdopen(given["requests"], "rb")
        source = json.loads(requests.readline())["source"]
        text = source["source"]
        is_pickled = source["kind"] == "classes"
        plugin = Plugin(**{**source, "source": bytes.fromhex(text) if is_pickled else text})
        served = _Served(plugin, given["answers"])
        _write(given["answers"], served.line({"id": 0, "what": "describe"}))
        for line in iter(requests.readline, b""):
            _write(given["answers"], served.line(json.loads(line)))


def _end_with_parent(alive: int) -> None:
    """End this process with the other side's: nothing else would end one that hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    leave = os._exit

    def watch() -> None:
        os.read(alive, 1)  # nothing is ever written: this is the end of the pipe
        leave(1)

    threading.Thread(target=watch, name="parent-alive", daemon=True).start()


def _leave_traces(faults: Any) -> None:
    """Have the stack written where the other side finds it, however this process ends."""
    faulthandler.enable(faults)
    faulthandler.register(signal.SIGUSR1, faults)
    leave = os._exit

    def leave_a_trace(status: int) -> None:
        faulthandler.dump_traceback(faults, all_threads=False)
        leave(status)

    os._exit = leave_a_trace  # type: ignore[assignment]


def _write(descriptor: int, content: bytes) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # whatever the plugin put in its place
            stream.flush()
    while content:
        content = content[os.write(descriptor, content) :]


class _Served:
    """One plugin, and the banks and scorers that it was asked about so far.

    answers_to: descriptor of the pipe of the answers.
    """

    def __init__(self, plugin: Plugin, answers_to: int) -> None:
        self._plugin = plugin
        self._scorers: dict[str, Any] = {}
        self._banks: dict[str, FeatureBank] = {}
        self._answers: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "describe": self._describe,
            "choose": self._choose,
            "fit": self._fit,
            "score": self._score,
            "notes": self._notes,
            "import": self._import,
            "perform": self._perform,
        }
        self._answers_to, self._asked, self._said_at = answers_to, 0, 0.0

    def line(self, request: Mapping[str, Any]) -> bytes:
        """Return the answer to a request, or why there is none, as a line of JSON."""
        begin = {"id": request["id"]}
        self._asked = request["id"]
        try:
            answer = self._answers[request["what"]](request)
            return json.dumps({**begin, "answer": answer}).encode() + b"\n"
        except BaseException as error:  # whatever a plugin raises is its failure, and no other's
            refusal = self._refusal(error, request)
            return json.dumps({**begin, "refused": refusal}).encode() + b"\n"

    def _describe(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        del request
        return [
            _description(self._plugin, catalogue, name, kind)
            for catalogue, kinds in load_catalogues(self._plugin).items()
            for name, kind in kinds.items()
        ]

    def _choose(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        catalogue = PLUGIN_CATALOGUES[request["catalogue"]]
        kinds = load_catalogues(self._plugin)[request["catalogue"]]
        chosen = choose_all(request["raw"], kinds, catalogue.noun)
        contract = catalogue.load_contract()
        for choice in chosen:
            try:
                contract.check_choice(self._plugin.digest, choice)
            except Exception as error:
                file, line = _where(self._plugin, kinds[choice.name], catalogue.main_method)
                lines = _lines_inside(error, {file})
                message = str(error) if isinstance(error, InputError) else one_line(error)
                raise InputError(
                    f"{file}:{(lines or [line])[-1]}: {catalogue.noun} {choice.label!r}: {message}"
                ) from error
        return [_values(choice) for choice in chosen]

    def _import(self, request: Mapping[str, Any]) -> None:
        importlib.import_module(request["module"])

    def _perform(self, request: Mapping[str, Any]) -> Any:
        import cloudpickle  # late: no other request needs it

        # From the other side, which is trusted here; nothing the other way is ever unpickled.
        arguments = cloudpickle.loads(bytes.fromhex(request["arguments"]))
        function = resolve_name(request["function"])
        return function(*arguments, into=Path(request["into"]), at_work=self._at_work)

    def _at_work(self) -> None:
        """Tell the other side, at most once a second, that there is progress."""
        if time.monotonic() - self._said_at >= _SAY_EVERY_S:
            self._said_at = time.monotonic()
            _write(
                self._answers_to, json.dumps({"id": self._asked, "at work": True}).encode() + b"\n"
            )

    def _fit(self, request: Mapping[str, Any]) -> dict[str, str]:
        scorer, bank = self._scorer(request), self._bank(request["bank"])
        head = request["head"] and Head(**_arrays(request["head"]))
        with computing_on(device_named(request["device"])):
            state = checked_state(scorer.fit(bank, head))
        return written(state, Path(request["into"]))

    def _score(self, request: Mapping[str, Any]) -> dict[str, str]:
        scorer, bank = self._scorer(request), self._bank(request["bank"])
        with computing_on(device_named(request["device"])):
            scores = scorer.score(_arrays(request["state"]), bank)
        return written({"scores": checked_scores(scores, len(bank))}, Path(request["into"]))

    def _notes(self, request: Mapping[str, Any]) -> list[str]:
        scorer, bank = self._scorer(request), self._bank(request["bank"])
        return list(notes_of(scorer, _arrays(request["state"]), bank))

    def _scorer(self, request: Mapping[str, Any]) -> Any:
        key = json.dumps(request["scorer"])
        if key not in self._scorers:
            chosen = choose(request["scorer"], load_scorers(self._plugin), "scorer")
            self._scorers[key] = chosen.parameters
        return self._scorers[key]

    def _bank(self, request: Mapping[str, Any]) -> FeatureBank:
        key = json.dumps(request)
        if key not in self._banks:
            while len(self._banks) >= _MOST_BANKS:
                del self._banks[next(iter(self._banks))]
            self._banks[key] = _open_bank(request)
        return self._banks[key]

    def _refusal(self, error: BaseException, request: Mapping[str, Any]) -> dict[str, Any]:
        kind, problems, message = "raised", [], one_line(error)
        # Its attributes and its text may be the plugin's code, too.
        with suppress(Exception):
            if isinstance(error, InputError):
                problems = [(shortened(one.message), list(one.inside)) for one in error.problems]
                kind, message = "input", shortened(str(error))
            elif isinstance(error, Undefined):
                kind, message = "undefined", shortened(str(error))
            elif isinstance(error, StageFailed):
                kind, message = "stage failed", shortened(str(error))
            elif isinstance(error, LeaseLost):
                kind, message = "lease lost", shortened(str(error))
        place, frames = "", ""
        if request["what"] in ("fit", "score", "notes", "perform"):
            with suppress(Exception):
                place, frames = self._place(error, request)
        return {
            "kind": kind,
            "problems": problems[:_MOST_PROBLEMS],
            "message": message,
            "place": place,
            "traceback": frames,
        }

    def _place(self, error: BaseException, request: Mapping[str, Any]) -> tuple[str, str]:
        """Return ``file:line`` of an error in the plugin's own files, and the frames from there."""
        if request["what"] == "perform":
            files, place = set(request["files"]), ""
        else:
            (name,) = request["scorer"]
            file, line = _where(self._plugin, load_scorers(self._plugin)[name], request["what"])
            files, place = {file}, f"{file}:{line}"
        frames = traceback.extract_tb(error.__traceback__)
        inside = [at for at, one in enumerate(frames) if one.filename in files]
        shown = "".join(traceback.format_list(frames[(inside or [len(frames)])[0] :][-50:]))
        text = f"Traceback (most recent call last):\n{shown}{one_line(error)}"
        if inside:
            place = f"{frames[inside[-1]].filename}:{frames[inside[-1]].lineno}"
        return place, shortened(text)


def _lines_inside(error: BaseException, files: set[str]) -> list[int]:
    """Return the lines of these files that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    return [one.lineno for one in frames if one.filename in files and one.lineno is not None]


def _open_bank(request: Mapping[str, Any]) -> FeatureBank:
    """Return a bank with arrays mapped read-only, and with its network if ``source`` names one."""
    folder, arrays, live = request["folder"], request["arrays"], request["live"]
    bank = map_bank(Path(folder)) if folder else FeatureBank(**_arrays(arrays))
    if live:
        module, _, function = live["opened_by"].partition(":")
        opened = getattr(importlib.import_module(module), function)
        bank = opened(bank, **live["from"])
    return bank


def _arrays(files: Mapping[str, str]) -> dict[str, Any]:
    return {name: mapped(Path(file)) for name, file in files.items()}


def _description(plugin: Plugin, catalogue: str, name: str, kind: Any) -> dict[str, Any]:
    of = PLUGIN_CATALOGUES[catalogue]
    methods = ("fit", "score", "notes") if catalogue == "scorers" else (of.main_method,)
    places = {method: _where(plugin, kind, method) for method in methods}
    return {
        "catalogue": catalogue,
        "name": name,
        "class_name": kind.__name__,
        "places": {method: f"{file}:{line}" for method, (file, line) in places.items()},
        "digest": source_digest(kind) if plugin.kind == "installed" else plugin.digest,
        "facts": of.load_contract().facts_of(kind),
        "parameters": [_parameter(field) for field in dataclasses.fields(kind) if field.init],
    }


def _parameter(field: Any) -> dict[str, Any]:
    default, has_default = field.default, True
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    elif default is dataclasses.MISSING:
        default, has_default = None, False
    return {
        "name": field.name,
        "has_default": has_default,
        "default": opaque(default),
        "is_out_of_keys": field.metadata == OUT_OF_KEYS,
    }


def _values(choice: Choice[Parameters]) -> dict[str, Any]:
    """Return a scorer's parameters; InputError where they have no reproducible form."""
    try:
        canonical(choice.content)
    except (TypeError, ValueError) as error:
        raise InputError(f"{choice.name!r} has no reproducible form: {error}") from None
    fields = [field for field in dataclasses.fields(choice.parameters) if field.init]
    values = {field.name: opaque(getattr(choice.parameters, field.name)) for field in fields}
    return {"values": values, "given": sorted(choice.given)}


def opaque(value: Any) -> Any:
    """Return a value as JSON holds it; one that has no such form as ``{"opaque": repr}``."""
    if isinstance(value, bool | int | str | None) or (
        isinstance(value, float) and type(value) is float
    ):
        return value
    if isinstance(value, list | tuple):
        return [opaque(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"mapping": {key: opaque(item) for key, item in value.items()}}
    return {"opaque": shortened(repr(value), 200)}


def _where(plugin: Plugin, kind: Any, method: str) -> tuple[str, int]:
    """Return the file of a scorer's class, and the line of a method there or of its first one."""
    # What `dataclass` wrote itself, such as __init__, is of no file.
    written = [vars(kind)[name] for name in vars(kind) if not name.startswith("__")]
    own = [code for one in written if (code := _code_of(one)) is not None]
    file = plugin.path if plugin.kind == "file" else own[0].co_filename if own else kind.__module__
    code = _code_of(getattr(kind, method, None))
    if code is not None and code.co_filename == file:
        return file, code.co_firstlineno
    return file, min((one.co_firstlineno for one in own if one.co_filename == file), default=1)


def _code_of(function: Any) -> Any:
    """Return the code of a function or method, None where it has none of its own."""
    with suppress(Exception):
        function = inspect.unwrap(getattr(function, "__func__", function))
    return getattr(function, "__code__", None)
