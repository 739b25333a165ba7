"""What every score function is compared with: an independent implementation of the same formula.

Every other file of this folder has a dict ``REFERENCES`` from catalogue names to `Reference`.
``tests/scorers/test_parity.py`` holds every entry of the catalogue to one;
``python -m tests.support.scorer_references.compare`` writes the table in ``docs/scorers.md``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.scorers import SCORERS
from tests.support.scorer_cases import Case, make_case

HERE = Path(__file__).parent
TABLE = HERE.parents[2] / "docs" / "scorers.md"


@dataclass(frozen=True)
class Reference:
    """An independent implementation.

    source: what it is, for the table: ``pytorch-ood 0.4.0``, ``scikit-learn``, ``formula``.
    scores: from a case to float (N,) for its test bank, higher = more in-distribution.
    parameters: the scorer's parameters for this comparison, where they are not the defaults.
    relative: the largest deviation allowed, in units of the scores' largest magnitude.
    exact_ranks: a share of pairs may be ordered otherwise only where a threshold is known to flip
        on the rounding of float32 (ASH-B, DICE); there it is 0.9995.
    """

    source: str
    scores: Callable[[Case], npt.NDArray[Any]]
    parameters: dict[str, Any] = field(default_factory=dict)
    relative: float = 1e-5
    exact_ranks: float = 1.0


@dataclass(frozen=True)
class Deviation:
    """largest: max |ours − reference| / max |reference|. ranks: share of equally ordered pairs."""

    largest: float
    ranks: float


def references() -> dict[str, Reference]:
    """Return the references of all families by catalogue name; a name has one only."""
    found: dict[str, Reference] = {}
    for file in sorted(HERE.glob("*.py")):
        if file == Path(__file__):
            continue
        more = importlib.import_module(f"tests.support.scorer_references.{file.stem}").REFERENCES
        assert not found.keys() & more, f"{file} repeats {sorted(found.keys() & more)}"
        found |= more
    return found


def deviation(name: str, reference: Reference, case: Case) -> Deviation:
    """Compare the scorer called ``name`` with its reference on one case."""
    scorer = SCORERS[name](**reference.parameters)
    ours = scorer.score(scorer.fit(case.train, case.head), case.test)
    theirs = np.asarray(reference.scores(case), dtype=np.float64)
    assert ours.shape == theirs.shape == (len(case.test),)
    assert np.ptp(theirs) > 0, f"the reference of {name} says nothing on this case"
    return compared(ours, theirs)


def compared(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> Deviation:
    """Compare scores with those that they should be."""
    scale = np.abs(theirs).max()
    return Deviation(float(np.abs(ours - theirs).max() / scale), _ordered_alike(ours, theirs))


def _ordered_alike(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> float:
    """Share of pairs in the same order; pairs closer than float32 can tell count as such."""
    gap = 1e-6 * np.abs(theirs).max()
    order = np.argsort(theirs, kind="stable")
    ours, theirs = ours[order], theirs[order]
    apart = theirs[None, :] - theirs[:, None] > gap
    wrong = apart & (ours[None, :] <= ours[:, None])
    return 1.0 - float(wrong.sum()) / max(1, int(apart.sum()))


def table() -> str:
    """Return the table of docs/scorers.md: scorer, reference, largest deviation over 3 cases."""
    known = references()
    lines = [
        "| scorer | family | reference | max deviation | pairs ordered alike |",
        "|---|---|---|---|---|",
    ]
    for name, kind in SCORERS.items():
        reference = known[name]
        found = [deviation(name, reference, make_case(seed=seed)) for seed in range(3)]
        largest = max(one.largest for one in found)
        ranks = min(one.ranks for one in found)
        lines.append(
            f"| `{name}` | {kind.family} | {reference.source} | {largest:.1e} | {ranks:.4%} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = TABLE.read_text()
    begin, end = "<!-- parity -->\n", "<!-- /parity -->\n"
    head, _, rest = text.partition(begin)
    tail = rest.partition(end)[2]
    TABLE.write_text(head + begin + table() + end + tail)
