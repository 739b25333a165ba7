"""Choose mutants by a seed, keep them in a file, and find them again after a rename."""

from __future__ import annotations

import functools
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mutations import Site, sites

__all__ = ["Lost", "Mutant", "draw", "find", "folder_of", "read", "write"]

PACKAGE = "mood_sweeps"
LEFT_OUT = "results/migrations"
LEAST_LINES = 40
LEAST_MUTANTS = 2


class Lost(LookupError):
    """The source no longer has the place where a mutant was planted."""


@dataclass
class Mutant:
    """One mutant on record.

    Texts say where it is, as a rename of files and identifiers can be applied to texts.
    function: the qualified name of the function or class around it; "" at the top of a module.
    line: the stripped line where it starts; occurrence: which of the equal lines of the file it is.
    nth: which of the equal texts with the same operator it is, among those that start in this line.
    caught_by: the test that failed, or the file that could not be imported; None if nothing failed.
    outcome: what was seen, in words; "" before the first run.
    """

    id: int
    file: str
    function: str
    line: str
    occurrence: int
    nth: int
    operator: str
    was: str
    now: str
    caught_by: str | None = None
    outcome: str = ""
    seconds: float = 0.0


def read(file: Path) -> list[Mutant]:
    """Return the mutants on record."""
    return [Mutant(**record) for record in json.loads(file.read_text())]


def write(file: Path, mutants: Iterable[Mutant]) -> None:
    """Write a line for each mutant."""
    lines = (json.dumps(asdict(mutant), ensure_ascii=False) for mutant in mutants)
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    aside = file.with_suffix(".new")
    aside.write_text(text)
    aside.replace(file)


def folder_of(file: str) -> str:
    """Return the folder of a file of the package, as tables name it."""
    return str(Path(file).parent)


def draw(root: Path, seed: int, count: int) -> list[Mutant]:
    """Choose mutants: two for each folder, the others in proportion to the lines of its code.

    No two are in one function. A choice in a folder depends on the seed and on this folder alone.
    """
    folders = defaultdict(list)
    lines: dict[str, int] = defaultdict(int)
    for path in sorted((root / PACKAGE).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if LEFT_OUT not in file:
            folders[folder_of(file)].append(file)
            lines[folder_of(file)] += len(path.read_text().splitlines())
    shares = _shares({name: n for name, n in lines.items() if n >= LEAST_LINES}, count)
    mutants: list[Mutant] = []
    for folder, share in shares.items():
        for file, site in _drawn(root, folders[folder], random.Random(f"{seed} {folder}"), share):
            mutants.append(_record(root, len(mutants), file, site))
    return mutants


def _shares(lines: dict[str, int], count: int) -> dict[str, int]:
    """Return how many mutants each folder gets; what is left goes to the largest remainders."""
    spare = count - LEAST_MUTANTS * len(lines)
    if spare < 0:
        raise SystemExit(f"{len(lines)} folders need at least {LEAST_MUTANTS * len(lines)} mutants")
    exact = {folder: spare * n / sum(lines.values()) for folder, n in lines.items()}
    shares = {folder: LEAST_MUTANTS + int(part) for folder, part in exact.items()}
    by_remainder = sorted(exact, key=lambda folder: int(exact[folder]) - exact[folder])
    for folder in by_remainder[: count - sum(shares.values())]:
        shares[folder] += 1
    return shares


def _drawn(
    root: Path, files: list[str], chance: random.Random, share: int
) -> list[tuple[str, Site]]:
    """Draw functions by the number of their sites; in each, an operator, then one of its sites."""
    by_function = defaultdict(list)
    for file in files:
        for site in _sites(root, file):
            by_function[file, site.function].append(site)
    if len(by_function) < share:
        raise SystemExit(f"{files[0]}: {len(by_function)} functions for {share} mutants")
    chosen = []
    for _ in range(share):
        functions = list(by_function)
        weights = [len(by_function[function]) for function in functions]
        (function,) = chance.choices(functions, weights)
        here = by_function.pop(function)
        operator = chance.choice(sorted({site.operator for site in here}))
        chosen.append(
            (function[0], chance.choice([site for site in here if site.operator == operator]))
        )
    return sorted(chosen, key=lambda each: (each[0], each[1].start))


def _record(root: Path, number: int, file: str, site: Site) -> Mutant:
    lines = [line.strip() for line in (root / file).read_text().split("\n")]
    line = lines[site.row]
    alike = [each for each in _sites(root, file) if _is_alike(each, site) and each.row == site.row]
    return Mutant(
        id=number,
        file=file,
        function=site.function,
        line=line,
        occurrence=lines[: site.row].count(line),
        nth=alike.index(site),
        operator=site.operator,
        was=site.was,
        now=site.now,
    )


def _is_alike(site: Site, other: Site | Mutant) -> bool:
    """Tell whether two sites have one operator and one text, however it is wrapped."""
    return site.operator == other.operator and _plain(site.was) == _plain(other.was)


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text).replace(",)", ")").replace(",]", "]").replace(",}", "}")


def find(root: Path, mutant: Mutant) -> Site:
    """Return where a mutant is in the source of today.

    It is found by its line. Where longer names have wrapped this line, it is found by its function,
    as long as this has the text once. Raises Lost otherwise.
    """
    if not (root / mutant.file).exists():
        raise Lost(f"there is no {mutant.file}")
    lines = [line.strip() for line in (root / mutant.file).read_text().split("\n")]
    rows = [row for row, line in enumerate(lines) if line == mutant.line]
    alike = [site for site in _sites(root, mutant.file) if _is_alike(site, mutant)]
    if mutant.occurrence < len(rows):
        in_line = [site for site in alike if site.row == rows[mutant.occurrence]]
        if mutant.nth < len(in_line):
            return in_line[mutant.nth]
    in_function = [site for site in alike if site.function == mutant.function]
    if len(in_function) == 1:
        return in_function[0]
    raise Lost(f"{mutant.file} has no line {mutant.line!r} with {mutant.was!r}")


def _sites(root: Path, file: str) -> list[Site]:
    return _sites_of((root / file).read_text())


@functools.lru_cache(maxsize=100)
def _sites_of(source: str) -> list[Site]:
    return sites(source)
