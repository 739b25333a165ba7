"""Say which tests may notice a mutant, and in which order they are asked."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mutant_records import PACKAGE

__all__ = ["Asked", "asked_about"]

TESTS = "tests"
NOT_ASKED = ("system", "chaos", "guards")  # these start several processes
END_TO_END = (
    "tests/launching/test_launch.py",
    "tests/cli/test_verbs.py",
    "tests/experiment/test_sweep.py",
)
SCORERS = f"{PACKAGE}/scorers/"
SCORERS_IN_COMMON = f"{SCORERS}numeric/"
SCORER_CONTRACT = ("tests/scorers/test_scorer_contract.py", "tests/scorers/test_parity.py")


@dataclass(frozen=True)
class Asked:
    """Test files that run in one process, in this order; ``words`` chooses tests by name."""

    files: tuple[str, ...]
    words: str = ""


def asked_about(root: Path, file: str) -> Iterator[Asked]:
    """Yield the tests for a file of the package, those that are most about it first.

    The order: test files with the module's name, files that import the module, the contract of
    scorers, the other tests of the same part, a few tests from end to end, and all others, those
    that reach the module over few imports first.
    """
    for known in (*END_TO_END, *SCORER_CONTRACT):
        if not (root / known).exists():
            raise SystemExit(f"{known} is gone: say in {Path(__file__).name} what it is called now")
    steps = _steps_to(root, _module(file))
    every = [test for test in _files(root, TESTS) if _is_asked(test)]
    is_near = {test: _part(test) == _part(file) for test in every}
    by_steps = sorted(every, key=lambda test: (not is_near[test], steps.get(test, 99)))

    mirrors = [test for test in by_steps if is_near[test] and _rank(test, file) < 9]
    groups = [
        Asked(tuple(sorted(mirrors, key=lambda test: _rank(test, file)))),
        Asked(tuple(test for test in by_steps if steps.get(test) == 1)),
        Asked(SCORER_CONTRACT if file.startswith(SCORERS) else (), _scorer(file)),
        Asked(tuple(test for test in by_steps if is_near[test])),
        Asked(END_TO_END),
        Asked(tuple(by_steps)),
    ]
    seen: set[str] = set()
    for group in groups:
        new = tuple(test for test in group.files if test not in seen)
        if not group.words:  # tests chosen by name leave the others of their file to be asked
            seen.update(new)
        if new:
            yield Asked(new, group.words)


def _is_asked(test: str) -> bool:
    path = PurePosixPath(test)
    return path.name.startswith("test_") and path.parts[1] not in NOT_ASKED


def _part(file: str) -> str:
    """Return the part of the package that a module or a test file belongs to, "" at the top."""
    parts = PurePosixPath(file).parts
    return parts[1] if len(parts) > 2 else ""


def _scorer(file: str) -> str:
    """Return the word that chooses the tests of a scorer's own file, "" for other files."""
    path = PurePosixPath(file)
    is_own = path.parent != PurePosixPath(SCORERS) and not file.startswith(SCORERS_IN_COMMON)
    return path.stem if file.startswith(SCORERS) and is_own and path.stem != "__init__" else ""


def _rank(test: str, file: str) -> int:
    """Return how much the name of a test file is the module's name; 9 for not at all."""
    path = PurePosixPath(file)
    name = path.parent.name if path.stem == "__init__" else path.stem
    tested = PurePosixPath(test).stem.removeprefix("test_")
    if tested == name:
        return 0
    if tested.startswith(f"{name}_"):
        return 1
    return 2 if name in tested else 9


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _files(root: Path, folder: str) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in (root / folder).rglob("*.py"))


def _steps_to(root: Path, module: str) -> dict[str, int]:
    """Return over how many imports each test file reaches a module, 1 for an import of its own."""
    importers = _importers(root)
    steps = {module: 0}
    here = [module]
    while here:
        reached = {one for name in here for one in importers[name] if one not in steps}
        steps |= dict.fromkeys(reached, steps[here[0]] + 1)
        here = sorted(reached)
    return steps


@functools.cache
def _importers(root: Path) -> dict[str, set[str]]:
    """Return the imports of every file: modules of the package by name, files of tests by path."""
    modules = {_module(file): _module(file) for file in _files(root, PACKAGE)}
    tests = _files(root, TESTS)
    # Helpers of tests are imported by their bare name.
    names = {**modules, **{PurePosixPath(test).stem: test for test in tests}}
    importers: dict[str, set[str]] = defaultdict(set)
    for file in (*_files(root, PACKAGE), *tests):
        importer = file if file in tests else _module(file)
        for imported in _imports(root / file):
            if imported in names:
                importers[names[imported]].add(importer)
    return importers


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
