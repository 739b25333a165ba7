"""Imports go one way, and each heavy library comes in through one door.

``LAYERS`` is the picture of the package: every part and the parts it may import. It has no circle,
so it can be read from the bottom up. Widening it is a decision about the design; make it here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mood_sweeps

ROOT = Path(mood_sweeps.__file__).parent

VALUES = {"errors", "identity", "choice", "bank", "note"}
LAYERS: dict[str, set[str]] = {
    # Values that know nothing.
    "errors": set(),
    "identity": set(),
    "bank": set(),
    "note": set(),
    "choice": {"errors", "identity"},
    # Choices whose parameters are searched for.
    "search": {"errors", "identity", "choice"},
    # Parts that know values only.
    "datasets": VALUES,
    "metrics": VALUES,
    "scorers": VALUES,
    "store": VALUES,
    "aggregation": VALUES,
    "results": VALUES,
    # Scorers from outside the package run in processes that read banks of the store.
    "plugins": {*VALUES, "scorers", "store"},
    "features": {*VALUES, "metrics", "plugins", "scorers"},
    "representations": {*VALUES, "datasets", "search"},
    # What is asked, and what has to be done for it.
    # Features of one's own are described by their files: what is there is asked of `features`.
    "spec": {*VALUES, "datasets", "features", "plugins", "representations", "scorers"},
    # What a scorer needs of features that are given is the scorer's to say.
    "planner": {*VALUES, "datasets", "plugins", "scorers", "search", "spec", "store"},
    # Doing it.
    # It reads the features that a user has, as it loads the images of a data set.
    "stages": {
        *VALUES,
        "datasets",
        "features",
        "metrics",
        "planner",
        "plugins",
        "representations",
        "scorers",
        "search",
        "store",
    },
    "engine": {*VALUES, "metrics", "planner", "plugins", "search", "stages", "store"},
    "tracking": {*VALUES, "datasets", "results", "store"},
    "workspace": {*VALUES, "results", "store"},
    "launching": {
        *VALUES,
        "aggregation",
        "datasets",
        "engine",
        "planner",
        "plugins",
        "results",
        "scorers",
        "stages",
        "store",
        "tracking",
        "workspace",
    },
    # Doors: they call one public function and print.
    "api": {*VALUES, "datasets", "launching", "planner", "results", "spec", "workspace"},
    "__init__": {
        *VALUES,
        "api",
        "features",
        "launching",
        "planner",
        "results",
        "spec",
        "workspace",
    },
    "cli": {
        *VALUES,
        "aggregation",
        "api",
        "datasets",
        "features",
        "launching",
        "planner",
        "plugins",
        "representations",
        "results",
        "scorers",
        "spec",
        "tracking",
        "workspace",
    },
}

DOORS: dict[str, tuple[str, ...]] = {
    # Scoring multiplies on a GPU where that is asked for, and only then imports torch.
    "torch": ("representations/*", "scorers/numeric/torch_device.py"),
    "torchvision": ("representations/*",),
    "timm": ("representations/networks.py",),
    "lightly": ("representations/objectives/*",),
    "ray": (
        "engine/ray_executor.py",
        "engine/ray_address.py",
        "engine/worker.py",
        "engine/tune_trials.py",
    ),
    "mlflow": ("tracking/*",),
    "sqlalchemy": ("results/*",),
    "alembic": ("results/migrate.py", "results/migrations/*"),
    "psycopg": (),
    "matplotlib": ("aggregation/figures.py",),
    "pandas": ("aggregation/*", "results/query.py", "cli/*", "features/frame.py"),
    "sklearn": ("representations/finetuning/probe.py",),
    "pyarrow": ("features/written.py",),
    "safetensors": ("store/codecs.py", "representations/*"),
    "pydantic": ("choice.py", "representations/*", "scorers/*", "search/*"),
    "yaml": ("spec/*",),
    "psutil": ("store/process.py",),
    "threadpoolctl": ("stages/threads.py", "features/threads.py"),
    "click": ("cli/*",),
    "rich": ("cli/*", "aggregation/terminal.py", "launching/progress.py"),
    "PIL": ("datasets/*", "representations/*"),
    # Classes that a Python program passes; they are loaded in a process of their own.
    "cloudpickle": ("plugins/*",),
    "pickle": (),
    "joblib": (),
}
HARMLESS = frozenset({"pickle.UnpicklingError"})  # what a refusal is caught by


def files() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def part_of(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def imports(file: str) -> Iterator[str]:
    """Yield the full name of every module a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import hides which way it goes"
            assert node.module is not None
            # `from mood_sweeps import choice` names a part in its list.
            if node.module == "mood_sweeps":
                yield from (f"mood_sweeps.{alias.name}" for alias in node.names)
            else:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                if not names <= HARMLESS:
                    yield node.module


def test_the_layers_are_all_there_is_and_have_no_circle() -> None:
    assert {part_of(file) for file in files()} == set(LAYERS)
    order = list(TopologicalSorter(LAYERS).static_order())
    assert set(order) == set(LAYERS)


@pytest.mark.parametrize("file", files())
def test_imports_go_one_way(file: str) -> None:
    part = part_of(file)
    for module in imports(file):
        if module.startswith("mood_sweeps."):
            imported = module.split(".")[1]
            if imported in LAYERS and imported != part:
                assert imported in LAYERS[part], f"{file} imports {module}: {part} may not"


@pytest.mark.parametrize("file", files())
def test_heavy_libraries_come_in_through_their_doors(file: str) -> None:
    for module in imports(file):
        doors = DOORS.get(module.partition(".")[0])
        if doors is not None:
            assert any(fnmatch(file, door) for door in doors), f"{file} imports {module}"


PLANNING = """\
import sys
from mood_sweeps.datasets.catalogue import image_set
from mood_sweeps.launching.open_work import find_open_work
from mood_sweeps.planner.grid import expand
from mood_sweeps.spec import load_sweep
from mood_sweeps.store import Store
plan = expand(load_sweep(sys.argv[1]), image_set)
find_open_work(plan, None, Store(sys.argv[2]), repair=False)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
SLOW = {
    "lightly",
    "torch",
    "torchvision",
    "timm",
    "ray",
    "mlflow",
    "sklearn",
    "scipy",
    "pandas",
    "matplotlib",
}


def test_planning_imports_nothing_slow(tmp_path: Path) -> None:
    file = ROOT.parent / "experiments" / "pretext_vs_scorer.yaml"
    command = [sys.executable, "-c", PLANNING, str(file), str(tmp_path / "store")]
    imported = set(subprocess.check_output(command, text=True).split())
    assert "mood_sweeps" in imported
    assert not imported & SLOW
    assert not (tmp_path / "store").exists()


def test_importing_the_package_imports_nothing_slow() -> None:
    script = "import sys, mood_sweeps; print(*{name.partition('.')[0] for name in sys.modules})"
    imported = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert not imported & SLOW
