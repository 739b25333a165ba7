"""What a plugin's own process costs beside the same scorer called here.

Prints: seconds to read a plugin while planning and to start its process, milliseconds per question
on a small bank, and the scores of a large bank, each beside the same lines called in this process.

    python benchmarks/plugins.py
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.plugins.declared_scorers import declared_of
from mood_sweeps.plugins.load_plugin import load_scorers
from mood_sweeps.plugins.open_plugins import OpenPlugins
from mood_sweeps.plugins.scorer_runner import ScorerRunner, Stored
from mood_sweeps.store.codecs import save_bank

SOURCE = """\
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Mean:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"

    def fit(self, bank, head):
        return {"mean": bank.features.mean(axis=0)}

    def score(self, state, bank):
        return -((bank.features - state["mean"]) ** 2).sum(axis=1)


SCORERS = {"mean": Mean}
"""


def bank_of(n: int, d: int) -> FeatureBank:
    rng = np.random.default_rng(0)
    return FeatureBank(rng.standard_normal((n, d), dtype=np.float32), np.zeros(n, np.int64))


def seconds(run: Any, times: int) -> float:
    """Return the median duration."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began)
    return float(np.median(spent))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mean.py").write_text(SOURCE)

        def read() -> Any:
            with OpenPlugins() as plugins:
                plugins.add_file(folder / "mean.py", "mean.py")
                return plugins.choose_all("mean", {})

        print(f"read a plugin while planning: {seconds(read, 5):.3f} s, 1 process")
        (scorer,) = read()
        here = load_scorers(declared_of(scorer.parameters).plugin)["mean"]()
        small, large = bank_of(500, 64), bank_of(50_000, 1024)
        save_bank(large, folder)
        at = Stored(folder)

        def start() -> None:
            with closing(ScorerRunner()) as runner:
                runner.fit(scorer, small, None)

        print(f"start its process and fit 500 × 64: {seconds(start, 5):.3f} s, 1 process a worker")
        with closing(ScorerRunner()) as runner:
            state = runner.fit(scorer, small, None)
            there = seconds(lambda: runner.score(scorer, state, small), 200)
            own = seconds(lambda: here.score(state, small), 200)
            print(f"scores of 500 × 64: {1e3 * there:.2f} ms, called here {1e3 * own:.2f} ms")
            state = runner.fit(scorer, large, None, at)
            there = seconds(lambda: runner.score(scorer, state, large, at), 10)
            own = seconds(lambda: here.score(state, large), 10)
            print(f"scores of 50,000 × 1,024 in the store: {there:.3f} s, called here {own:.3f} s")


if __name__ == "__main__":
    main()
