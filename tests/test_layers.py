"""Imports go one way, and each heavy library comes in through one door.

``LAYERS`` is the picture of the package: every part and the parts it may import. It has no circle,
so it can be read from the bottom up. Widening it is a decision about the design; make it here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import mood_sweeps

ROOT = Path(mood_sweeps.__file__).parent

VALUES = {
    "errors",
    "internal_signals",
    "redaction",
    "identity",
    "choice",
    "bank",
    "note",
    "stage_kinds",
}
LAYERS: dict[str, set[str]] = {
    # Values that know nothing.
    "errors": set(),
    "internal_signals": set(),
    "redaction": set(),
    "identity": set(),
    "bank": set(),
    "note": set(),
    "stage_kinds": set(),
    "choice": {"errors", "identity"},
    # Choices with parameters that are searched for.
    "tuning": {"errors", "identity", "choice"},
    # Parts that know values only.
    "data": VALUES,
    "metrics": VALUES,
    "scorers": VALUES,
    "store": VALUES,
    "aggregation": {*VALUES, "metrics"},
    # The columns of the metrics are those of the registry.
    "results": {*VALUES, "metrics"},
    # Scorers from outside the package run in processes that read banks of the store.
    # Backbones from outside are built there, too.
    "plugins": {*VALUES, "networks", "scorers", "store"},
    # The one engine of scoring: banks, head and scorers in, numbers out.
    "scoring": {*VALUES, "metrics", "plugins", "scorers"},
    "external_features": {*VALUES, "metrics", "plugins", "scorers", "scoring"},
    # Networks, how they are trained, what they are trained for, what they show.
    "networks": {*VALUES, "data"},
    "training": {*VALUES, "data", "networks"},
    "methods": {*VALUES, "data", "networks", "training", "tuning"},
    "inspection": {*VALUES, "data", "methods", "networks"},
    # What is asked, and what has to be done for it.
    # Features of one's own are described by their files, which `external_features` reads.
    "experiment": {
        *VALUES,
        "data",
        "external_features",
        "methods",
        "networks",
        "plugins",
        "scorers",
        "scoring",
        "tuning",
    },
    # Of methods and networks it knows declarations; a test holds that these bring nothing slow.
    "planning": {
        *VALUES,
        "data",
        "experiment",
        "methods",
        "networks",
        "plugins",
        "scorers",
        "scoring",
        "store",
        "tuning",
    },
    # Doing it.
    # It reads the features that a user has, as it loads the images of a data set.
    "jobs": {
        *VALUES,
        "data",
        "external_features",
        "inspection",
        "methods",
        "metrics",
        "networks",
        "planning",
        "plugins",
        "scorers",
        "scoring",
        "store",
        "training",
        "tuning",
    },
    "engine": {*VALUES, "jobs", "metrics", "planning", "plugins", "store", "tuning"},
    "tracking": {*VALUES, "data", "metrics", "results", "store"},
    "workspace": {*VALUES, "results", "store"},
    "launching": {
        *VALUES,
        "aggregation",
        "data",
        "engine",
        "jobs",
        "metrics",
        "planning",
        "plugins",
        "results",
        "scorers",
        "store",
        "tracking",
        "workspace",
    },
    # Doors: they call one public function and print.
    "api": {*VALUES, "data", "experiment", "launching", "planning", "results", "workspace"},
    "__init__": {
        *VALUES,
        "api",
        "engine",
        "experiment",
        "external_features",
        "jobs",
        "launching",
        "planning",
        "results",
        "workspace",
    },
    "cli": {
        *VALUES,
        "aggregation",
        "api",
        "data",
        "experiment",
        "engine",
        "external_features",
        "jobs",
        "launching",
        "methods",
        "metrics",
        "networks",
        "planning",
        "plugins",
        "results",
        "scorers",
        "scoring",
        "tracking",
        "workspace",
    },
}

TORCH = ("data/pipeline/*", "inspection/*", "methods/*", "networks/*", "training/*")
DOORS: dict[str, tuple[str, ...]] = {
    # Scoring multiplies on a GPU where that is asked for, and only then imports torch.
    "torch": (*TORCH, "scorers/numeric/torch_device.py"),
    "torchvision": TORCH,
    "timm": ("networks/timm_networks.py",),
    "lightly": ("methods/pretexts/*",),
    "ray": ("engine/executors/ray/*",),
    "mlflow": ("tracking/*",),
    "sqlalchemy": ("results/*",),
    "alembic": ("results/migrate.py", "results/migrations/*"),
    "psycopg": (),
    "matplotlib": ("aggregation/figures.py",),
    "pandas": (
        "aggregation/*",
        "cli/*",
        "external_features/score_features.py",
        "results/read_results.py",
    ),
    "sklearn": ("methods/finetunes/probe/fit.py",),
    "pyarrow": ("data/sources/table.py", "external_features/output_files.py"),
    "safetensors": ("methods/*", "networks/*", "store/codecs.py", "training/*"),
    "pydantic": (
        *("choice.py", "data/definitions.py", "methods/*", "networks/*", "scorers/*"),
        *("training/*", "tuning/*"),
    ),
    "yaml": ("experiment/*",),
    "psutil": ("store/process_identity.py",),
    "threadpoolctl": ("external_features/thread_limit.py", "jobs/single_thread.py"),
    "click": ("cli/*",),
    "rich": ("cli/*", "aggregation/terminal_table.py", "launching/progress.py"),
    "PIL": ("data/*", "networks/*", "training/*"),
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


def test_imports_go_one_way() -> None:
    wrong = [
        f"{file} imports {module}"
        for file in files()
        for module in imports(file)
        if module.startswith("mood_sweeps.")
        and (imported := module.split(".")[1]) in LAYERS
        and imported not in {part_of(file), *LAYERS[part_of(file)]}
    ]
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_come_in_through_their_doors() -> None:
    wrong = [
        f"{file} imports {module}"
        for file in files()
        for module in imports(file)
        if (doors := DOORS.get(module.partition(".")[0])) is not None
        and not any(fnmatch(file, door) for door in doors)
    ]
    assert not wrong, "\n".join(wrong)


def imported_files(file: str) -> set[str]:
    """Return the files of the package that a file imports, an import of a package as __init__."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mood_sweeps."):
            path = str(node.module).removeprefix("mood_sweeps.").replace(".", "/")
            for alias in node.names:
                for one in (f"{path}/{alias.name}.py", f"{path}.py", f"{path}/__init__.py"):
                    if (ROOT / one).exists():
                        found.add(one)
                        break
    return found - {file}


def test_floors_hold_inside_every_folder() -> None:
    """The files and folders of a folder, too, can be read from the bottom up: no circle anywhere.

    The `__init__` of a folder names what it offers to others: nothing inside the folder imports it.
    """
    graphs: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for file in files():
        if file == "__init__.py":
            continue
        for imported in imported_files(file):
            parts, others = file.split("/"), imported.split("/")
            pairs = enumerate(zip(parts, others, strict=False))
            depth = next(at for at, (one, other) in pairs if one != other)
            graphs["/".join(parts[:depth])][parts[depth]].add(others[depth])
    circles = []
    for folder, graph in graphs.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circles.append(f"{folder or 'mood_sweeps'}: {' → '.join(error.args[1])}")
    assert not circles, "\n".join(circles)


PLANNING = """\
import sys
from mood_sweeps.data.catalogue import image_set
from mood_sweeps.launching.pending_work import find_pending_work
from mood_sweeps.planning.grid import expand
from mood_sweeps.experiment import load_sweep
from mood_sweeps.store import Store
plan = expand(load_sweep(sys.argv[1]), image_set)
find_pending_work(plan, None, Store(sys.argv[2]), repair=False)
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
