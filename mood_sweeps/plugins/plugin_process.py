"""The process that runs one plugin, seen from outside: what it is asked, and how it is judged.

Whatever the plugin does there stays there: its global state ends with the process, a crash or a
hang costs one answer, what it prints goes to the log, and what it answers is data. No
answer can execute code here: the process writes lines of JSON and arrays that are no objects.
"""

from __future__ import annotations

import json
import logging
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mood_sweeps.errors import PluginFailed, plain
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.printed_output import PrintedOutput

__all__ = ["STARTING_S", "PluginProcess", "Refused"]

_log = logging.getLogger(__name__)

STARTING_S = 120.0
"""How long a process may take to start and to import the plugin, on a busy machine with torch."""
MOST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer; arrays travel as files."""
MOST_STACK = 4_000
"""Bytes that are read of the stack that a process left behind."""
LOOK_EVERY_S = 0.2
_INSIDE = "MOOD_SWEEPS_PLUGIN_PROCESS"
_PREFIX, _DAY_S = "mood-sweeps-plugin-", 86_400.0
_AT_WORK = object()
"""Stands for a line that says nothing but that there is progress: the time limit begins anew."""
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
_START += "from mood_sweeps.plugins.process_main import main; main(sys.argv[2])"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Refused(Exception):
    """An answer that says why there is none; its content is the answer's, plain data.

    kind: ``input`` or ``undefined``, as the errors of these names, ``raised`` for any other.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.kind: str = str(answer["kind"])
        self.problems: list[tuple[str, list[Any]]] = [
            (plain(str(message)), list(inside)) for message, inside in answer["problems"]
        ]
        self.message = plain(str(answer["message"]))
        self.place = str(answer["place"])
        self.traceback = plain(str(answer["traceback"]))
        super().__init__(self.message)


class PluginProcess:
    """A process that runs the code of one plugin and nothing else.

    limit_s: an answer that takes longer counts as a hang, and the process is ended. threads: that
    its arithmetic uses; None for all there are.
    Started when it is first asked, and anew after it was lost.
    """

    def __init__(self, plugin: Plugin, limit_s: float, threads: int | None = 1) -> None:
        self.plugin = plugin
        self.limit_s = limit_s
        self._threads = threads
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._asked = 0
        self._described: Any = None
        self._cannot_start: Exception | None = None

    @property
    def folder(self) -> Path:
        """A folder for files that both processes read, gone after `close`."""
        if self._folder is None:
            _remove_old_folders()
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        return self._folder

    def described(self) -> Any:
        """Return what the process says of the plugin's scorers once it imported them.

        Raises as `ask` does.
        """
        self._ready()
        return self._described

    def ask(
        self,
        what: str,
        request: Mapping[str, Any],
        place: str,
        doing: str,
        limit_s: float | None = None,
    ) -> Any:
        """Return the answer to a request.

        limit_s: of this request; None for the process's own.
        place, doing: ``file:line`` and words that a failure names where the process cannot tell.
        Raises Refused with what the process itself says, PluginFailed if it crashed, hung, or
        answered what is no answer.
        """
        self._ready()
        self._asked += 1
        return self._exchange(
            {"id": self._asked, "what": what, **request}, limit_s or self.limit_s, place, doing
        )

    def close(self) -> None:
        """End the process and delete its files."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            with suppress(OSError):
                self._folder.unlink()  # whatever the plugin put in its place
            self._folder = None

    def _ready(self) -> None:
        """Start the process and import the plugin, unless it is there."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._cannot_start is not None:  # waiting for it once is enough
            raise self._cannot_start
        self._start()
        self._asked = 0
        source = {"source": _as_json(self.plugin)}
        path = f"{self.plugin.path}:1"
        try:
            self._described = self._exchange(source, STARTING_S, path, "while it was imported")
        except (PluginFailed, Refused) as error:
            self._cannot_start = error
            raise

    def _exchange(self, message: Mapping[str, Any], limit_s: float, place: str, doing: str) -> Any:
        ends_at = time.monotonic() + limit_s
        try:
            if not self._send(message, ends_at):
                raise self._hung(limit_s, place, doing)
            answer = self._received(self._line(ends_at, limit_s, place, doing), place, doing)
            while answer is _AT_WORK:
                ends_at = time.monotonic() + limit_s
                answer = self._received(self._line(ends_at, limit_s, place, doing), place, doing)
            self._printed.catch_up()
        except BaseException:  # Ctrl-C, too: nothing is to go on in there
            self.kill()
            raise
        if isinstance(answer, Refused):
            raise answer
        return answer

    def _start(self) -> None:
        if _INSIDE in os.environ:
            raise PluginFailed(
                f"{self.plugin.path}:1: a plugin's process was asked to run plugins; where a file "
                'scores when it is imported, put that below if __name__ == "__main__":'
            )
        self.kill()
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        alive, self._alive = os.pipe()
        printed, output = os.pipe()
        os.set_blocking(self._requests, False)
        self._faults = self.folder / "faults.txt"
        self._faults.unlink(missing_ok=True)
        settings = {
            "requests": requests,
            "answers": answers,
            "alive": alive,
            "faults": str(self._faults),
        }
        environment = {**os.environ, _INSIDE: "1"}
        if self._threads is not None:
            environment |= dict.fromkeys(_THREADS, str(self._threads))
        paths = [path or os.getcwd() for path in sys.path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, json.dumps(paths), json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(requests, answers, alive),
                env=environment,
                start_new_session=True,  # so that all it starts ends with it, and no Ctrl-C gets in
            )
        finally:
            for descriptor in (requests, answers, alive, output):
                os.close(descriptor)
        self._printed = PrintedOutput(self.plugin.path, printed)
        _log.debug("process %d runs plugin %s", self._process.pid, self.plugin.path)
        self._received_bytes = b""

    def _send(self, message: Mapping[str, Any], ends_at: float) -> bool:
        """Write a request; return False if it was not read in time."""
        assert self._process is not None
        content = json.dumps(message).encode() + b"\n"
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_WRITE)
            while content and self._process.poll() is None:
                if time.monotonic() >= ends_at:
                    return False
                if selector.select(LOOK_EVERY_S):
                    try:
                        content = content[os.write(self._requests, content) :]
                    except BrokenPipeError:
                        break  # it ended: reading its answer says how
        return True

    def _line(self, ends_at: float, limit_s: float, place: str, doing: str) -> bytes:
        """Return the process's next line; PluginFailed where none comes."""
        assert self._process is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while b"\n" not in self._received_bytes:
                left = ends_at - time.monotonic()
                if left <= 0:
                    raise self._hung(limit_s, place, doing)
                # What the plugin started may hold the pipe open after the process itself ended.
                ended = self._process.poll() is not None
                ready = selector.select(0 if ended else min(left, LOOK_EVERY_S))
                received = os.read(self._answers, 1 << 16) if ready else b""
                if not received and (ready or ended):
                    raise self._crashed(place, doing)
                self._received_bytes += received
                if len(self._received_bytes) > MOST_ANSWER:
                    raise self._failed(
                        place, f"answered with more than {MOST_ANSWER:,} bytes {doing}"
                    )
        line, _, self._received_bytes = self._received_bytes.partition(b"\n")
        return line

    def _received(self, line: bytes, place: str, doing: str) -> Any:
        """Return an answer, or the Refused that it is."""
        try:
            answer = json.loads(line)
            if answer["id"] != self._asked:
                raise ValueError("another answer")
            if "at work" in answer:
                return _AT_WORK
            return Refused(answer["refused"]) if "refused" in answer else answer["answer"]
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise self._failed(place, f"wrote into the pipe of its answers {doing}") from None

    def _hung(self, limit_s: float, place: str, doing: str) -> PluginFailed:
        assert self._process is not None
        # Python writes where every thread is, even from within code that never returns to it.
        self._process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 2 * LOOK_EVERY_S
        while time.monotonic() < until and self._process.poll() is None and not self._stack():
            time.sleep(0.02)
        return self._failed(place, f"gave no result within {limit_s:g} s {doing}")

    def _crashed(self, place: str, doing: str) -> PluginFailed:
        assert self._process is not None
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return self._failed(place, f"closed the pipe of its answers {doing}")
        if code >= 0:
            return self._failed(place, f"ended its process with exit code {code} {doing}")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return self._failed(place, f"crashed its process with {name}{hint} {doing}")

    def _failed(self, place: str, what: str) -> PluginFailed:
        """Return the failure, at the line where the process last was if it left that behind."""
        stack = self._stack()
        file = place.rpartition(":")[0]
        inside = re.search(rf'File "{re.escape(file)}", line (\d+)', stack)
        if inside:
            place = f"{file}:{inside[1]}"
        self._printed.wait(LOOK_EVERY_S)
        text = plain("\n".join(filter(None, (stack, self._printed.last))))
        return PluginFailed(plain(f"{place}: {what}"), text)

    def _stack(self) -> str:
        try:
            with self._faults.open("rb") as file:
                return file.read(MOST_STACK).decode("utf-8", "replace")
        except OSError:
            return ""

    def kill(self) -> None:
        """End the process; its files stay, and the next request starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        for descriptor in (self._requests, self._answers, self._alive):
            os.close(descriptor)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()


def _remove_old_folders() -> None:
    """Delete the folders of processes that were killed, once nothing happened there for a day."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _DAY_S:
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def _as_json(plugin: Plugin) -> dict[str, str]:
    source = plugin.source
    return {
        "kind": plugin.kind,
        "path": plugin.path,
        "digest": plugin.digest,
        "source": source if isinstance(source, str) else source.hex(),
        "catalogue": plugin.catalogue,
    }
