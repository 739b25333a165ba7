"""Plant small faults in the package, one at a time, and say which of them the tests catch.

    python tests/guards/mutants.py draw [--seed 0 --count 100]    # choose them anew
    python tests/guards/mutants.py run [--only N,N] [--jobs 1]    # say what catches each, minutes
    python tests/guards/mutants.py check                          # all are caught again, or exit 1

A change of names or of structure must not make the tests weaker. ``mutants.json`` holds the mutants
and, for each, the test that caught it. They are stored as texts: a rename that is applied to the
code is applied to this file, too. Nothing is planted in the checkout itself.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from mutant_bench import Bench, Found, import_libraries
from mutant_records import Lost, Mutant, draw, folder_of, read, write

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_suffix(".json")
LEARN_S = 600

_bench: Bench | None = None


def _prepare(folder: str, learn: list[str]) -> None:
    global _bench
    _bench = Bench(ROOT, Path(tempfile.mkdtemp(dir=folder)))
    _bench.learn(learn, LEARN_S)


def _ask(mutant: Mutant, limit_s: float, is_check: bool) -> Found:
    assert _bench is not None
    first = [mutant.caught_by] if is_check and mutant.caught_by else []
    try:
        return _bench.ask(mutant, limit_s, first)
    except Lost as lost:
        return Found(None, f"lost: {lost}", 0.0)


def ask_all(
    mutants: list[Mutant], jobs: int, limit_s: float, is_check: bool
) -> Iterator[tuple[Mutant, Found]]:
    """Yield what the tests say about each mutant, as it comes."""
    import_libraries()
    context = multiprocessing.get_context("fork")
    learn = [mutant.caught_by for mutant in mutants if mutant.caught_by] if is_check else []
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ProcessPoolExecutor(jobs, context, _prepare, (folder, learn)) as pool,
    ):
        asked = {pool.submit(_ask, mutant, limit_s, is_check): mutant for mutant in mutants}
        for answer in as_completed(asked):
            yield asked[answer], answer.result()


def say(mutant: Mutant, found: Found) -> None:
    """Print a line about a mutant."""
    what = f"{mutant.was!r} → {mutant.now!r}" if len(mutant.was) < 60 else mutant.operator
    seen = f"{found.caught_by} ({found.outcome})" if found.caught_by else f"NOT: {found.outcome}"
    where = f"{mutant.file}:{mutant.function or 'module'}"
    print(f"{mutant.id:3} {found.seconds:5.0f} s  {where}  {what}  {seen}", flush=True)


def table(mutants: list[Mutant]) -> str:
    """Return how many mutants of each folder were caught."""
    lines = []
    for folder in sorted({folder_of(mutant.file) for mutant in mutants}):
        here = [mutant for mutant in mutants if folder_of(mutant.file) == folder]
        lines.append(f"{sum(bool(each.caught_by) for each in here):3} of {len(here):3}  {folder}")
    caught = sum(bool(mutant.caught_by) for mutant in mutants)
    return "\n".join([*lines, f"{caught:3} of {len(mutants):3}  in all"])


def run(only: list[int], jobs: int, limit_s: float) -> None:
    """Ask about all mutants, or some, and put what was seen on record."""
    mutants = read(FILE)
    chosen = [mutant for mutant in mutants if not only or mutant.id in only]
    for mutant, found in ask_all(chosen, jobs, limit_s, is_check=False):
        say(mutant, found)
        mutant.caught_by, mutant.outcome = found.caught_by, found.outcome
        mutant.seconds = round(found.seconds, 1)
        write(FILE, mutants)
    print(table(chosen))


def check(only: list[int], jobs: int, limit_s: float) -> None:
    """Ask about all mutants that were caught; exit with code 1 where one is not caught again."""
    on_record = [mutant for mutant in read(FILE) if mutant.caught_by]
    chosen = [mutant for mutant in on_record if not only or mutant.id in only]
    missed = []
    for mutant, found in ask_all(chosen, jobs, limit_s, is_check=True):
        say(mutant, found)
        if found.caught_by is None:
            missed.append(f"{mutant.id}: {mutant.file}: {mutant.line}: {found.outcome}")
    if missed:
        sys.exit("\n".join([f"{len(missed)} of {len(chosen)} are not caught again:", *missed]))
    print(f"all {len(chosen)} are caught again")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    drawing = verbs.add_parser("draw", help="choose mutants anew")
    drawing.add_argument("--seed", type=int, default=0)
    drawing.add_argument("--count", type=int, default=100)
    asking: dict[str, Callable[[list[int], int, float], None]] = {"run": run, "check": check}
    for verb in asking:
        options = verbs.add_parser(verb, help=asking[verb].__doc__)
        options.add_argument("--only", default="", help="numbers of mutants: 3,17")
        options.add_argument(
            "--jobs", type=int, default=1, help="how many processes test at a time"
        )
        options.add_argument("--limit-s", type=float, default=240, help="seconds for each mutant")
    chosen = parser.parse_args()
    if chosen.verb == "draw":
        mutants = draw(ROOT, chosen.seed, chosen.count)
        write(FILE, mutants)
        print(f"wrote {len(mutants)} mutants to {FILE}")
        return
    begun = time.monotonic()
    only = [int(number) for number in chosen.only.split(",") if number]
    try:
        asking[chosen.verb](only, chosen.jobs, chosen.limit_s)
    finally:
        print(f"{(time.monotonic() - begun) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
