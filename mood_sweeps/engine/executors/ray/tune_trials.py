"""The trials of a tuned stage as one Ray Tune experiment. Imports ray.tune.

The stage's worker coordinates: it waits in Tune's loop, and what a trial trains is trained by that
same warm worker, in a thread of its own. Tune's actors only ask for it: they take no CPU and no
GPU, so the stage uses what it was given and waits for nothing, however small the machine is.
"""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING, Any

import ray
import ray.tune
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from ray.tune.search import BasicVariantGenerator

from mood_sweeps.engine.executors.ray.worker_shapes import TRIALS
from mood_sweeps.tuning.successive_halving import survivors

if TYPE_CHECKING:  # Tune's actors need not import torch
    from mood_sweeps.jobs.tuning_trials import Trials

__all__ = ["run_in_tune"]

SHARE = 0.001
"""Of the resource that stands for a node: what Tune's actors take, so that they start there."""
MOST_ASKING = 4
"""How many trials of ``asha`` are under way at once: with one, none would be compared early."""


def run_in_tune(trials: Trials) -> None:
    """Run the search, inside a `Worker`; what its trials came to is kept by ``trials``."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    # Tune writes files of its own about every trial otherwise.
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    worker = ray.get_runtime_context().current_actor
    is_halving = trials.search.is_deterministic
    # One place for one search, so that what a killed process left there goes with the next.
    name = f"tune-{trials.key}"
    folder = trials.store.root / "tmp"
    shutil.rmtree(folder / name, ignore_errors=True)
    resources = {f"node:{ray.util.get_node_ip_address()}": SHARE}
    tuner = ray.tune.Tuner(
        ray.tune.with_resources(
            ray.tune.with_parameters(_Trial, worker=worker, rungs=trials.rungs),
            ray.tune.PlacementGroupFactory([resources]),
        ),
        param_space={"trial": ray.tune.grid_search(list(range(len(trials.stages))))},
        tune_config=ray.tune.TuneConfig(
            metric="accuracy",
            mode="max",
            search_alg=_OneByOne() if is_halving else _several(),
            scheduler=_Halving(trials) if is_halving else _asha(trials),
            reuse_actors=True,
        ),
        run_config=ray.tune.RunConfig(
            name=name,
            storage_path=str(folder),
            verbose=0,
            failure_config=ray.tune.FailureConfig(fail_fast=True),
        ),
    )
    try:
        tuner.fit()
    finally:
        shutil.rmtree(folder / name, ignore_errors=True)


class _Trial(ray.tune.Trainable):  # type: ignore[misc]
    """A trial as Tune sees it: one step is the way to the next rung."""

    def setup(self, config: dict[str, Any], worker: Any, rungs: tuple[int, ...]) -> None:
        self._worker, self._rungs = worker, rungs
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Become another trial, which spares the start of a process."""
        self._number, self._last = new_config["trial"], {"rung": -1}
        return True

    def step(self) -> dict[str, Any]:
        """Have the worker train as far as the next rung.

        Where a process that waits for its trial is started just as that trial is given another,
        Tune asks for two steps at once. The worker does not do the second: its rung is not
        decided; the result of the first is said again.
        """
        rung = self._last["rung"] + 1
        if rung < len(self._rungs):
            asked = self._worker.advance.options(concurrency_group=TRIALS)
            accuracy = ray.get(asked.remote(self._number, rung))
            if accuracy is not None:
                self._last = {
                    "accuracy": accuracy,
                    "epoch": self._rungs[rung],
                    "rung": rung,
                    "done": rung + 1 == len(self._rungs),
                }
        return dict(self._last)

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Return all that is not kept by the worker."""
        del checkpoint_dir
        return dict(self._last)

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Go on from a rung."""
        self._last = dict(checkpoint or {"rung": -1})


class _OneByOne(BasicVariantGenerator):  # type: ignore[misc]
    """Gives Tune the next trial when the one before has come to its first rung."""

    def __init__(self) -> None:
        super().__init__()
        self._is_free = True

    def next_trial(self) -> Any:
        """Return a trial, None where there is none now."""
        if not self._is_free:
            return None
        self._is_free = False
        return super().next_trial()

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Let the next one come."""
        del trial_id, result
        self._is_free = True

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Let the next one come: where there is one rung only, no result comes before."""
        super().on_trial_complete(trial_id, result, error)
        self._is_free = True


class _Halving(TrialScheduler):  # type: ignore[misc]
    """Synchronous successive halving: a rung is decided when every trial on it has a score.

    Ray's own HyperBand has brackets of its own making, and breaks ties by which came first.
    """

    _supports_buffered_results = False

    def __init__(self, trials: Trials) -> None:
        super().__init__()
        self._reduction = trials.search.reduction
        self._on_rung = set(range(len(trials.stages)))
        self._rung, self._scores = 0, dict[int, float]()

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Pause a trial until its rung is decided; the last trial of a rung decides it."""
        if _number(trial) not in self._on_rung:
            return str(TrialScheduler.STOP)
        if result["rung"] < self._rung:  # said again
            return str(TrialScheduler.CONTINUE)
        self._scores[_number(trial)] = result["accuracy"]
        if self._scores.keys() < self._on_rung:
            return str(TrialScheduler.PAUSE)
        going_on = set(survivors(self._scores, self._reduction))
        lost, self._on_rung, self._scores = self._on_rung - going_on, going_on, {}
        self._rung += 1
        for other in tune_controller.get_trials():
            if other is not trial and _number(other) in lost:
                tune_controller.stop_trial(other)
        goes_on = _number(trial) in going_on
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the next trial that goes on, while no other is under way.

        One that is being paused is not: Tune gives its process to a trial that waits for one, and
        ends it if none does.
        """
        waiting = self._on_rung - self._scores.keys()
        found = [trial for trial in tune_controller.get_trials() if _number(trial) in waiting]
        if any(trial.status in ("PENDING", "RUNNING") for trial in found):
            return None
        return next((trial for trial in found if trial.status == "PAUSED"), None)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """All trials are known."""

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """The experiment ends with the first."""

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Nothing is decided on the last rung."""

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """It was decided here."""

    def debug_string(self) -> str:
        """Return a name for Tune's output."""
        return "synchronous successive halving"

    def save(self, checkpoint_path: str) -> None:
        """What the trials came to is kept by themselves."""

    def restore(self, checkpoint_path: str) -> None:
        """It is found again by running it again."""


def _several() -> Any:
    return BasicVariantGenerator(max_concurrent=MOST_ASKING)


def _asha(trials: Trials) -> Any:
    return AsyncHyperBandScheduler(
        time_attr="epoch",
        max_t=trials.rungs[-1],
        grace_period=trials.rungs[0],
        reduction_factor=trials.search.reduction,
    )


def _number(trial: Any) -> int:
    return int(trial.config["trial"])
