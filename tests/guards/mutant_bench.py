"""Plant mutants in a copy of the checkout, and run tests there in forked processes.

The heavy libraries are imported once, before the first fork. A forked process imports the package
anew, so it sees the mutant. What it saw it writes to a file, line by line, so that nothing is lost
when it is killed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mutant_records import PACKAGE, Mutant, find
from mutant_tests import TESTS, asked_about

__all__ = ["Bench", "Found", "import_libraries"]

# Ray is left out, as it starts threads.
LIBRARIES = (
    "numpy", "scipy.stats", "scipy.optimize", "pandas", "sqlalchemy", "alembic.command", "pydantic",
    "yaml", "PIL.Image", "click", "rich.console", "rich.table", "safetensors.torch", "torch",
    "torchvision.transforms.v2", "timm", "lightly.loss", "sklearn.linear_model", "sklearn.mixture",
    "matplotlib.figure", "pyarrow.parquet", "hypothesis", "mlflow", "cloudpickle", "psutil",
)  # fmt: skip
# A mutant that makes a loop endless is caught by the test that hangs; no other takes so long.
HANGS_S = 90
PYTEST = (
    "-x", "-q", "-m", "not system", "-p", "no:cacheprovider", "--hypothesis-profile=ci",
    f"--timeout={HANGS_S}",
)  # fmt: skip
LOOK_S = 0.05
NO_TESTS = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def import_libraries() -> None:
    """Import what most tests need, with one thread for each process to come."""
    os.environ.update(OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    for name in LIBRARIES:
        importlib.import_module(name)
    assert PACKAGE not in sys.modules


@dataclass
class Found:
    """What the tests said about a mutant."""

    caught_by: str | None
    outcome: str
    seconds: float


@dataclass
class _Session:
    """What one process of pytest told: ``code`` is None where it was killed, or died."""

    code: int | None = None
    failed: str | None = None
    outcome: str = ""
    started: str = ""
    is_over_time: bool = False
    passed: set[str] = field(default_factory=set)


class _Teller:
    """A plugin of pytest that writes what happens to a file, as it happens."""

    def __init__(self, file: Path) -> None:
        self._out = file.open("a", buffering=1)

    def tell(self, what: str, value: Any) -> None:
        self._out.write(json.dumps([what, value]) + "\n")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.tell("started", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.tell("failed", [report.nodeid, f"failed at {report.when}"])
        elif report.when == "call" and report.passed:
            self.tell("passed", report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.tell("failed", [report.nodeid, "failed at import"])


class Bench:
    """A copy of the checkout, in a folder, where one mutant at a time is planted and tested."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.root = folder.resolve() / "copy"
        self._scratch = folder.resolve() / "scratch"
        _copy(checkout, self.root)
        self._passes_clean: dict[str, bool] = {}

    def ask(self, mutant: Mutant, limit_s: float, first: Sequence[str] = ()) -> Found:
        """Plant a mutant and run tests until one fails that passes without it.

        first: tests that are asked before all others. Raises Lost where the source has no place
        for the mutant.
        """
        path = self.root / mutant.file
        clean = path.read_text()
        planted = find(self.root, mutant).planted(clean)
        groups: list[tuple[Sequence[str], str]] = [((test,), "") for test in first]
        groups += [(each.files, each.words) for each in asked_about(self.root, mutant.file)]
        spent = 0.0
        for tests, words in groups:
            while True:
                arguments = self._arguments(tests, words)
                if not arguments:
                    break
                begun = time.monotonic()
                path.write_text(planted)
                try:
                    seen = self._run(arguments, limit_s - spent)
                finally:
                    path.write_text(clean)
                spent += time.monotonic() - begun
                if seen.is_over_time:
                    return Found(None, f"limit reached in {seen.started or tests[0]}", spent)
                if seen.failed is None:
                    break
                if self._is_trusted(seen.failed):
                    return Found(seen.failed, seen.outcome, spent)
        return Found(None, "nothing failed", spent)

    def learn(self, tests: Iterable[str], limit_s: float) -> None:
        """Run tests without a mutant, to know at once which of them pass."""
        there = [test for test in tests if "::" in test and self._has(test)]
        if there:
            self._passes_clean |= dict.fromkeys(self._run(there, limit_s).passed, True)

    def _has(self, test: str) -> bool:
        return (self.root / test.partition("::")[0]).exists()

    def _arguments(self, tests: Sequence[str], words: str) -> list[str]:
        """Return pytest's arguments for what is there and passes on the clean copy."""
        broken = [test for test, passes in self._passes_clean.items() if not passes]
        left = [test for test in tests if self._has(test) and test not in broken]
        options = [f"--deselect={test}" for test in broken if "::" in test]
        return [*left, *options, *(("-k", words) if words else ())] if left else []

    def _is_trusted(self, test: str) -> bool:
        """Tell whether a test passes on the clean copy; a file passes where it is collected."""
        if test not in self._passes_clean:
            options = [] if "::" in test else ["--collect-only"]
            place = TESTS if test.endswith("conftest.py") else test
            self._passes_clean[test] = self._run([place, *options], 600).code in NO_TESTS
        return self._passes_clean[test]

    def _run(self, arguments: Sequence[str], limit_s: float) -> _Session:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        told = self._scratch / "told"
        told.touch()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _be_pytest(self.root, self._scratch, [*PYTEST, *arguments])
        is_over_time = not _waited_for(child, limit_s)
        seen = _Session(is_over_time=is_over_time)
        for what, value in map(json.loads, told.read_text().splitlines()):
            if what == "failed" and seen.failed is None:
                seen.failed, seen.outcome = value
            elif what == "passed":
                seen.passed.add(value)
            elif what == "foreign":
                raise SystemExit(f"the tests imported {value}, which is not in {self.root}")
            elif what in ("started", "code"):
                setattr(seen, what, value)
        if seen.failed is not None:
            seen.is_over_time = False  # the failure came first; what hung was the end
        elif not is_over_time and seen.code not in NO_TESTS:
            seen.failed, seen.outcome = _how_it_died(seen, arguments[0])
        return seen


def _how_it_died(seen: _Session, asked: str) -> tuple[str, str]:
    if seen.code == pytest.ExitCode.USAGE_ERROR:
        # pytest says so, and nothing else, of a conftest.py that raises, and of an unknown test.
        return (asked, "no such test") if "::" in asked else (_conftest(asked), "failed at import")
    return seen.started or asked, "ended the process of the tests"


def _conftest(file: str) -> str:
    return f"{TESTS}/conftest.py" if file.startswith(TESTS) else file


def _copy(checkout: Path, root: Path) -> None:
    """Copy what git knows or does not ignore, with compiled code that is never stale."""
    command = ["git", "-C", str(checkout), "ls-files", "-z", "-co", "--exclude-standard"]
    for name in subprocess.check_output(command, text=True).split("\0"):
        if name and (checkout / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(checkout / name, root / name)
    for file in (root / PACKAGE).rglob("*.py"):
        # Python compares a digest of the source, so a mutant is never hidden by compiled code.
        py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def _waited_for(child: int, limit_s: float) -> bool:
    """Wait for a process, end it and all that it started; return whether it ended by itself."""
    until = time.monotonic() + limit_s
    has_ended = False
    while not has_ended and time.monotonic() < until:
        time.sleep(LOOK_S)
        has_ended = os.waitpid(child, os.WNOHANG)[0] == child
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not has_ended:
        os.waitpid(child, 0)
    return has_ended


def _be_pytest(root: Path, scratch: Path, arguments: Sequence[str]) -> None:
    """Run pytest in this process, which was forked for it, and end it."""
    os.setsid()
    teller = _Teller(scratch / "told")
    try:
        out = os.open(scratch / "output", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(out, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(root)
        guards = str(Path(__file__).parent)
        sys.path[:] = [str(root), *(place for place in sys.path if place not in (guards, ""))]
        os.environ["PYTHONPATH"] = str(root)
        sys.argv = ["pytest", *arguments]
        temporary = ["--basetemp", str(scratch / "tmp")]
        code = pytest.main([*arguments, *temporary], plugins=[teller])
        package = sys.modules.get(PACKAGE)
        if package is not None and not str(package.__file__).startswith(str(root)):
            teller.tell("foreign", package.__file__)
        teller.tell("code", int(code))
    finally:
        os._exit(0)
