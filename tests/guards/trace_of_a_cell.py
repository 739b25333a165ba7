"""Count the files that one cell passes through, and the moves between them.

    python tests/guards/trace_of_a_cell.py

One cell (mim, ft, knn) is planned, launched inline without MLflow, and reported. A move is a pair
of functions of two files of the package of which the first calls the second, counted once however
often it happens. What runs while a module of the package is imported, such as the table of a
catalogue, is not counted: a cell does not pass through it. Nor are the
migrations, a script that alembic imports.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
PACKAGE = str(ROOT / "mood_sweeps")

SWEEP = """\
name: one_cell
corpus: digits:0-5
axes:
  pretext: [{mim: {epochs: 1}}]
  backbone: [vit_nano]
  finetune: [{pt+ft: {ft: {epochs: 1}}}]
  scorer: [knn]
  seed: [0]
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""


class Trace:
    """Notes which functions of the package call which."""

    def __init__(self) -> None:
        self.functions: set[CodeType] = set()
        self.moves: set[tuple[CodeType, CodeType]] = set()

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(PACKAGE):
            return
        callers = list(_callers_of_the_package(frame.f_back))
        if any(one.co_name == "<module>" for one in (code, *callers)):
            return
        if not code.co_flags & CO_OPTIMIZED:  # the body of a class
            return
        self.functions.add(code)
        if callers and callers[0].co_filename != code.co_filename:
            self.moves.add((callers[0], code))

    def run(self, work: Callable[[], object]) -> object:
        sys.setprofile(self.note)
        try:
            return work()
        finally:
            sys.setprofile(None)

    def line(self, leg: str) -> str:
        files = {code.co_filename for code in self.functions}
        return f"{leg:<24}{len(files):>6}{len(self.functions):>11}{len(self.moves):>8}"


def _callers_of_the_package(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            yield frame.f_code
        frame = frame.f_back


def main() -> None:
    import mood_sweeps as ms
    from mood_sweeps.launching.sweep_report import write_sweep_report

    print(f"{'leg':<24}{'files':>6}{'functions':>11}{'moves':>8}")
    whole = Trace()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cell.yaml").write_text(SWEEP)
        workspace = ms.Workspace.at(folder / ".mood")
        made: dict[str, Any] = {}

        def read() -> None:
            made["sweep"] = ms.load_sweep(folder / "cell.yaml")

        def plan() -> None:
            made["plan"] = ms.plan(made["sweep"])

        def launch() -> None:
            ms.launch(made["plan"], workspace=workspace, executor="inline", mlflow=False)

        def report() -> None:
            store, results = workspace.open_store(), ms.open_results(workspace.home)
            write_sweep_report(results, store, "one_cell", None, workspace.home)

        for leg, work in (
            ("YAML to sweep", read),
            ("sweep to plan", plan),
            ("launch", launch),
            ("report", report),
        ):
            trace = Trace()
            trace.run(work)
            whole.functions |= trace.functions
            whole.moves |= trace.moves
            print(trace.line(leg), flush=True)
    print(whole.line("all"))
    of_files = {(one.co_filename, other.co_filename) for one, other in whole.moves}
    print(f"distinct pairs of files: {len(of_files)}")


if __name__ == "__main__":
    main()
