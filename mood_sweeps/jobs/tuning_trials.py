"""The trials of a stage that is tuned: each a training that goes from rung to rung."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.choice import Choice, Parameters
from mood_sweeps.errors import StageFailed
from mood_sweeps.identity import key_of
from mood_sweeps.jobs.train_stage import input_digests, train, train_from
from mood_sweeps.metrics import nearest_class_mean, predict
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.planning.stage_inputs import Finetune, Pretrain
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Lease, Store
from mood_sweeps.training.resume_state import ResumeState
from mood_sweeps.tuning.successive_halving import FAILED, is_wanted, ranked, survivors

__all__ = ["Trials", "in_turn", "train_or_tune"]

ACCURACY = "validation_accuracy"


@dataclass
class _Record:
    """What is kept of a trial beside its training's state.

    origin: names what the trial depends on; a record of another is not taken up. scores: on each
    rung it came to. curves: as of the last of them. seconds: of training, whichever processes did
    it. error: why it failed.
    """

    origin: str
    scores: list[float] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


class Trials:
    """The trials of one stage; what each came to is kept, so that a killed search goes on.

    key: of the stage. search: the ``tune:`` block. rungs: epochs. A trial trains exactly as a stage
    of its setting would: it is paused on a rung, and its schedule is that of the whole budget.
    """

    def __init__(
        self, stage: Stage, store: Store, lease: Lease | None, keep_every_s: float
    ) -> None:
        assert stage.tuned is not None
        self.key, self.store = stage.key, store
        self.search, self.rungs = stage.tuned.search, stage.tuned.rungs
        self.stages = stage.trials()
        self._keep_every_s = keep_every_s
        self._kept = store.unfinished(stage.ref, lease)
        self._input_digests = input_digests(stage, store)

    def advance(self, number: int, rung: int) -> float:
        """Train a trial as far as a rung; return its accuracy there on ID validation.

        What was done before is not done again. ``FAILED`` if its training fails. Raises LeaseLost
        if another launch has taken over.
        """
        record = self._record(number)
        if record.error:
            return FAILED
        if rung < len(record.scores):
            return record.scores[rung]
        started = time.perf_counter()
        try:
            checkpoint = self._trained(number, self.rungs[rung])
            record.scores.append(_accuracy(self.stages[number], checkpoint))
            record.curves = checkpoint.curves
        except StageFailed as error:
            record.error = str(error)
        record.seconds += time.perf_counter() - started
        self._keep(number, record)
        return FAILED if record.error else record.scores[rung]

    def is_wanted(self, number: int, rung: int) -> bool:
        """Whether the search has a trial go as far as a rung, by what the trials came to so far."""
        if not self.search.is_deterministic:
            return True
        scores = []
        for record in map(self._record, range(len(self.stages))):
            missing = len(self.rungs) - len(record.scores) if record.error else 0
            scores.append([*record.scores, *[FAILED] * missing])
        return is_wanted(number, rung, scores, self.search.reduction)

    def best(self) -> Checkpoint:
        """Return the checkpoint of the best of the trials that came to the last rung.

        Of equal ones the lower number's. Raises StageFailed where there is none.
        """
        records = [self._record(number) for number in range(len(self.stages))]
        last = len(self.rungs)
        final = {
            number: record.scores[-1]
            for number, record in enumerate(records)
            if len(record.scores) == last and not record.error
        }
        if not final:
            errors = [record.error for record in records if record.error]
            raise StageFailed(
                f"no trial came to its end; the first error: {(errors or ['none'])[0]}"
            )
        winner = ranked(final)[0]
        return dataclasses.replace(
            self._trained(winner, None),
            trials=[self._row(number, winner, record) for number, record in enumerate(records)],
            measured={"training_seconds": sum(record.seconds for record in records)},
        )

    def _trained(self, number: int, pause_after: int | None) -> Checkpoint:
        progress = ResumeState(
            self._kept.part(f"{number}-state"),
            self._keep_every_s,
            {**self._input_digests, "trial": self._origin(number)},
            pause_after=pause_after,
        )
        return train_from(self.stages[number], self.store, progress)

    def _origin(self, number: int) -> str:
        return key_of(
            {"choice": self._choice(number).content, "input_digests": self._input_digests}
        )

    def _choice(self, number: int) -> Choice[Parameters]:
        choice = self.stages[number].trained
        assert choice is not None
        return choice

    def _record(self, number: int) -> _Record:
        origin = self._origin(number)
        content = self._kept.part(f"{number}-record").read()
        found = _Record(**json.loads(content)) if content is not None else _Record(origin)
        return found if found.origin == origin else _Record(origin)

    def _keep(self, number: int, record: _Record) -> None:
        content = json.dumps(dataclasses.asdict(record)).encode()
        self._kept.part(f"{number}-record").write(content)

    def _row(self, number: int, winner: int, record: _Record) -> dict[str, Any]:
        """Return what the table of trials says of one."""
        searched = {name for name, _ in self.search.space}
        described = self._choice(number).described
        return {
            "trial": number,
            "parameters": {name: described[name] for name in sorted(searched)},
            "rungs": list(self.rungs[: len(record.scores)]),
            ACCURACY: record.scores,
            "is_winner": number == winner,
            "error": record.error,
            "curves": record.curves,
        }


def train_or_tune(
    stage: Stage,
    store: Store,
    lease: Lease | None,
    keep_every_s: float,
    run_trials: Callable[[Trials], None] | None = None,
) -> Checkpoint:
    """Return the checkpoint of a stage, the best trial's if it is tuned; for the rest see `train`.

    run_trials: runs the search; by default, and whatever it leaves, in turn.
    """
    if stage.tuned is None:
        return train(stage, store, lease, keep_every_s)
    trials = Trials(stage, store, lease, keep_every_s)
    if run_trials is not None:
        run_trials(trials)
    if trials.search.is_deterministic:
        in_turn(trials)
    return trials.best()


def in_turn(trials: Trials) -> None:
    """Run synchronous successive halving in this process, one trial after another."""
    on_rung: tuple[int, ...] = tuple(range(len(trials.stages)))
    for rung in range(len(trials.rungs)):
        scores = {number: trials.advance(number, rung) for number in on_rung}
        on_rung = survivors(scores, trials.search.reduction)


def _accuracy(stage: Stage, checkpoint: Checkpoint) -> float:
    """Return the accuracy on the ID validation split, or the corpus' for a pretext task.

    By the head where there is one, else by the nearest mean of a class's frozen train features.
    """
    if isinstance(stage.work, Finetune):
        return checkpoint.summary[ACCURACY]
    assert isinstance(stage.work, Pretrain)
    assert stage.work.corpus is not None
    corpus = stage.work.corpus.open()
    validation = extract(checkpoint, corpus.open("val"))
    if checkpoint.head is not None:
        found = predict(validation, checkpoint.head)
    else:
        found = nearest_class_mean(extract(checkpoint, corpus.open("train")), validation)
    return float((found == validation.labels).mean())
