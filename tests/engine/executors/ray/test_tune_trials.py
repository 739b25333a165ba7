"""Ray Tune's side of a search: real Ray on one CPU, trials with scores that are written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mood_sweeps.engine.executors.ray.worker import Worker
from mood_sweeps.engine.executors.ray.worker_shapes import TRIALS
from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.jobs.tuning_trials import in_turn
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.store import Store
from mood_sweeps.tuning.search import Search
from mood_sweeps.tuning.successive_halving import is_wanted

pytestmark = pytest.mark.system

RUNGS = (1, 2, 4)
# By trial and rung; −1: its training failed. Ties on both rungs go to the lower number.
SCORES = [[0.3, 0.1, 0.1], [0.9, 0.5, 0.6], [-1, -1, -1], [0.9, 0.5, 0.9], [0.9, 0.4, 0.2], [0.5]]


class Written:
    """Trials that train nothing; what is asked of them is remembered."""

    def __init__(self, root: Path, search: Search, lost: int | None = None) -> None:
        self.store, self.key = SimpleNamespace(root=root), "k" * 64
        self.search, self.rungs = search, RUNGS
        self.stages = SCORES
        self.asked: list[tuple[int, int]] = []
        self._lost = lost
        self._came_to: list[list[float]] = [[] for _ in SCORES]

    def advance(self, number: int, rung: int) -> float:
        self.asked.append((number, rung))
        if number == self._lost:
            raise LeaseLost("taken over")
        self._came_to[number][rung:] = [SCORES[number][rung]]
        return SCORES[number][rung]

    def is_wanted(self, number: int, rung: int) -> bool:
        wanted = is_wanted(number, rung, self._came_to, self.search.reduction)
        return wanted or not self.search.is_deterministic


class Searching(Worker):
    """A worker that is handed a search."""

    def search(self, trials: Any) -> list[tuple[int, int]]:
        self._run_trials(trials)
        return list(trials.asked)

    def loses(self, trials: Any) -> str:
        try:
            self._run_trials(trials)
        except LeaseLost as error:
            return str(error)
        return "nothing was lost"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import ray

    with pytest.MonkeyPatch.context() as patch:  # workers find this module
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[4]))
        ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    kind = ray.remote(concurrency_groups={TRIALS: 1})(Searching)
    yield kind.options(num_cpus=1).remote(str(tmp_path_factory.mktemp("store")), WorkerSettings())
    ray.shutdown()


def prepared(folder: Path) -> Path:
    Store(folder).prepare()
    return folder


def test_tune_asks_for_what_the_loop_in_this_process_asks_for(worker: Any, tmp_path: Path) -> None:
    import ray

    root = prepared(tmp_path)
    search = Search(samples=6, reduction=2)
    alone = Written(root, search)
    in_turn(alone)  # type: ignore[arg-type]
    on_tune = ray.get(worker.search.remote(Written(root, search)), timeout=200)
    # Rung after rung; on a rung the last to come may go on at once.
    for rung in range(len(RUNGS)):
        mine = [number for number, at in alone.asked if at == rung]
        assert sorted(number for number, at in on_tune if at == rung) == mine
    assert [at for _, at in on_tune] == sorted(at for _, at in on_tune)
    assert mine == [1]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_step_that_is_asked_for_twice_is_done_once() -> None:
    from mood_sweeps.engine.executors.ray.tune_trials import _Halving

    trials = [SimpleNamespace(config={"trial": number}, status="RUNNING") for number in range(4)]
    stopped: list[int] = []
    controller = SimpleNamespace(
        get_trials=lambda: trials, stop_trial=lambda trial: stopped.append(trial.config["trial"])
    )
    search = SimpleNamespace(reduction=2)
    halving = _Halving(SimpleNamespace(search=search, stages=range(4)))  # type: ignore[arg-type]

    def says(number: int, rung: int, accuracy: float) -> str:
        result = {"rung": rung, "accuracy": accuracy}
        return halving.on_trial_result(controller, trials[number], result)

    assert [says(0, 0, 0.5), says(0, 0, 0.5), says(1, 0, 0.9), says(2, 0, 0.1)] == ["PAUSE"] * 4
    assert says(3, 0, 0.2) == "STOP"  # decides: 0 and 1 go on
    assert stopped == [2]
    assert says(2, 0, 0.1) == "STOP"
    assert says(0, 0, 0.5) == "CONTINUE"
    assert says(0, 1, 0.6) == "PAUSE"
    assert says(1, 1, 0.7) == "CONTINUE"
    assert stopped == [2, 0]


def test_a_lost_lease_comes_out_as_itself(worker: Any, tmp_path: Path) -> None:
    import ray

    trials = Written(prepared(tmp_path), Search(samples=6, reduction=2), lost=1)
    assert ray.get(worker.loses.remote(trials), timeout=200) == "taken over"


def test_asha_stops_early_and_brings_someone_to_the_end(worker: Any, tmp_path: Path) -> None:
    import ray

    search = Search(samples=6, reduction=2, scheduler="asha")
    asked = ray.get(worker.search.remote(Written(prepared(tmp_path), search)), timeout=200)
    assert {number for number, at in asked if at == 0} == set(range(6))
    assert any(at == 2 for _, at in asked)
    # What comes to a rung first goes on, there being nothing to compare it with. Which one that is
    # is left to the machine; a trial that failed goes on for no other reason.
    for rung in (0, 1):
        came = [number for number, at in asked if at == rung]
        went_on = {number for number, at in asked if at == rung + 1}
        assert came[0] in went_on
        assert 2 not in came[1:] or 2 not in went_on
    assert len(asked) < 6 * len(RUNGS)
