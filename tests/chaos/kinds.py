"""The kinds of faults: each harms a launch at a random moment and says how."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.chaos import ears
from tests.chaos.sabotage import damage, damages, dies, disk_is_full, sets_clock, tells
from tests.chaos.trial import RAY, Trial
from tests.chaos.undisturbed import INLINE
from tests.chaos.wrong_clock.clock import set_wrong
from tests.support.command_line import PATIENCE_S, Driven

__all__ = ["KINDS", "SLOW", "Kind"]

Kind = Callable[[Trial], str]
"""Launches and harms; returns where and how. The launches that heal it follow."""

PHASES = (ears.TRAINING, ears.LEASING, ears.PUBLISH, ears.BETWEEN, ears.COMMIT, ears.MIRRORING)
WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
STARTING_S = 15.0
"""What imports and the start of Ray's workers may take."""
WRONG_BY_S = (2.0, 90.0, 3600.0, 3 * 86400.0, 400 * 86400.0)
KILLED = (-signal.SIGKILL, 0)
"""How a launch ends that was killed; 0 if that came too late."""
STOPPED = (130, 0)
"""How a launch ends that was asked to stop; 0 if that came too late."""


def worker_killed(trial: Trial) -> str:
    """kill -9 of a Ray worker while it performs a call."""
    killed: list[str] = []
    n_objects = trial.rng.randrange(len(trial.undisturbed.places) - 1)

    def kill_one(driven: Driven) -> bool:
        for worker in driven.busy_workers()[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
                killed.append(worker.name())
        return bool(killed)

    def meddle(driven: Driven) -> None:
        trial.watch(driven, lambda: len(trial.facts.manifests()) >= n_objects, PATIENCE_S)
        trial.watch(driven, lambda: kill_one(driven), PATIENCE_S)

    trial.start()
    ended = trial.launch_in_full(meddle)
    trial.expect(ended.code == 0, f"exit code {ended.code} though only a worker died")
    lost = trial.facts.outcomes()["worker lost"]
    trial.expect(lost <= len(killed), f"{lost} attempts lost to {len(killed)} dead workers")
    return f"ray, after {n_objects} objects: {len(killed)} killed, {lost} attempts lost"


def driver_killed(trial: Trial) -> str:
    """kill -9 of the driver at any moment, its imports and the start of Ray included."""
    moment_s = trial.rng.uniform(0.0, STARTING_S + trial.undisturbed.wall_s)

    def meddle(driven: Driven) -> None:
        trial.pass_time(driven, moment_s)
        if driven.is_running:
            driven.kill()

    trial.start()
    code = trial.launch_in_full(meddle, RAY if trial.with_ray else INLINE).code
    trial.expect(code in KILLED, f"exit code {code} of a killed launch")
    return f"{'ray' if trial.with_ray else 'inline'}, after {moment_s:.1f} s"


def driver_killed_while(what: str) -> Kind:
    """Return kill -9 of the driver in one phase."""

    def fault(trial: Trial) -> str:
        trial.start(with_mlflow=what != ears.MAKING)
        nth = trial.pick(what)
        code = trial.launch(dies(what, nth)).code
        # The second thread makes how often a thing happens vary a little from launch to launch.
        trial.expect(code in KILLED, f"exit code {code} of a killed launch")
        return f"{nth} of {trial.undisturbed.heard.counts[what]}" + (" (too late)" * (code == 0))

    return fault


def driver_killed_repeatedly(trial: Trial) -> str:
    """kill -9 of the driver in any phase, and of those that were to go on from there."""
    trial.start()
    dying = [_phase(trial) for _ in range(trial.rng.randint(2, 4))]
    for what, nth in dying:
        trial.launch(dies(what, nth))
    return ", then ".join(what for what, _ in dying)


def object_damaged(harm: str) -> Kind:
    """Return damage to an object: right after it was published, or between two launches."""

    def fault(trial: Trial) -> str:
        trial.start()
        if trial.rng.random() < 0.5:
            how = _damaged_at_once(trial, harm)
        else:
            how = _damaged_later(trial, harm)
        if trial.rng.random() < 0.5:
            # Then every number comes back from the store, and has to come back whole.
            trial.launch()
            for file in trial.facts.home.glob("results.db*"):
                file.unlink()
            trial.database_lost = True
            how += ", database lost"
        return how

    return fault


def _damaged_at_once(trial: Trial, harm: str) -> str:
    note = trial.folder / "damaged"
    nth = trial.pick(ears.PLACED)
    ended = trial.launch(damages(nth, harm, trial.rng.randrange(2**32), note))
    trial.expect(ended.code == 0, f"exit code {ended.code}: not healed in the same launch")
    if not note.exists():
        return "no object"
    folder, how = note.read_text().split("\n")
    trial.note_damage(Path(folder))
    return f"published {nth}: {how}"


def _damaged_later(trial: Trial, harm: str) -> str:
    trial.launch(dies(ears.BETWEEN, trial.pick(ears.BETWEEN)))
    places = sorted(trial.facts.manifests())
    some = trial.rng.sample(places, trial.rng.randint(1, len(places))) if places else []
    for place in some:
        folder = (trial.facts.home / place).parent
        damage(folder, harm, trial.rng)
        trial.note_damage(folder)
    return f"{len(some)} of {len(places)} objects after a kill"


def disk_full(trial: Trial) -> str:
    """No space left in the store, for a while or for good."""
    trial.start()
    nth = trial.pick(ears.STORE_WRITE)
    often = trial.rng.choice([1, 2, 5, 10**6])
    code = trial.launch(disk_is_full(nth, often)).code
    trial.expect(code in (0, 1, 2), f"exit code {code} with a full disk")
    shown = "all" if often > 1000 else often
    return f"{shown} writes from {nth} of {trial.undisturbed.heard.counts[ears.STORE_WRITE]} on"


def files_bounded(trial: Trial) -> str:
    """No file of the launch may grow beyond some size: databases, objects and logs alike."""
    trial.start(with_mlflow=trial.rng.random() < 0.5)
    most = int(10 ** trial.rng.uniform(3.5, 6.0))

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    code = trial.launch(before=little_room).code
    trial.expect(code in (0, 1, 2), f"exit code {code} with a full disk")
    return f"no file over {most} bytes: exit code {code}"


def clock_set_back(trial: Trial) -> str:
    """The time of day jumps back: between two launches, or while one runs."""
    trial.start()
    by_s = trial.rng.choice(WRONG_BY_S)
    if trial.with_ray:
        path = os.pathsep.join([str(WRONG_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])])
        wrong = {"PYTHONPATH": path, "WRONG_CLOCK_S": str(by_s)}
        moment_s = trial.rng.uniform(0.0, STARTING_S + trial.undisturbed.wall_s)

        def meddle(driven: Driven) -> None:
            trial.pass_time(driven, moment_s)
            if driven.is_running:
                driven.kill()

        code = trial.launch_in_full(meddle, environment=wrong).code
        trial.expect(code in KILLED, f"exit code {code} with a clock that is ahead")
        return f"ray, {by_s:.0f} s ahead until killed after {moment_s:.1f} s"
    what, nth = _phase(trial)
    case = trial.rng.randrange(3)
    if case == 0:
        code = trial.launch(sets_clock(what, nth, -by_s)).code
        trial.expect(code == 0, f"exit code {code} with a clock that was set back")
        return f"{by_s:.0f} s back while {what}"
    if case == 1:
        trial.launch(dies(what, nth), before=lambda: set_wrong(by_s))
        return f"{by_s:.0f} s ahead until killed while {what}"
    trial.launch(dies(what, nth))
    code = trial.launch(before=lambda: set_wrong(-by_s)).code
    trial.expect(code == 0, f"exit code {code} with a clock that was set back")
    return f"{by_s:.0f} s back after a kill while {what}"


def mlflow_locked(trial: Trial) -> str:
    """Another process holds MLflow's database for itself."""
    trial.start()
    what, nth = _phase(trial)
    note = trial.folder / "now"
    database = trial.facts.home / "mlflow.db"

    def meddle(driven: Driven) -> None:
        trial.watch(driven, note.exists, PATIENCE_S)
        with contextlib.closing(sqlite3.connect(database, 30, isolation_level=None)) as lock:
            lock.execute("begin exclusive")
            began = time.monotonic()
            trial.pass_time(driven, trial.lock_s)
            time.sleep(max(0.0, trial.lock_s - (time.monotonic() - began)))
            lock.execute("rollback")

    ended = trial.launch(tells(what, nth, note), meddle=meddle)
    trial.expect(ended.code == 0, f"exit code {ended.code} because MLflow was locked")
    done = trial.facts.count("results", "status = 'done'")
    trial.expect(done == len(trial.undisturbed.numbers), f"{done} cells done while MLflow locked")
    return f"for {trial.lock_s:.0f} s from {what} on; launch took {ended.wall_s:.1f} s"


def interrupted(number: int, often: int) -> Kind:
    """Return a signal, sent to the launch once or twice, in any phase."""

    def fault(trial: Trial) -> str:
        what, nth = _phase(trial)
        note = trial.folder / "now"
        pauses_s = [trial.rng.uniform(0.0, 0.5) for _ in range(often)]
        moment_s = trial.rng.uniform(0.0, STARTING_S + trial.undisturbed.wall_s)

        def meddle(driven: Driven) -> None:
            if trial.with_ray:
                trial.watch(driven, lambda: driven.listens, PATIENCE_S)
                trial.pass_time(driven, moment_s)
            else:
                trial.watch(driven, note.exists, PATIENCE_S)
            for pause_s in pauses_s:
                trial.pass_time(driven, pause_s)
                if driven.is_running:
                    driven.descendants()
                    if number == signal.SIGINT:
                        driven.interrupt()
                    else:
                        driven.process.send_signal(number)

        trial.start()
        if trial.with_ray:
            ended, how = trial.launch_in_full(meddle), f"ray, after {moment_s:.1f} s"
        else:
            ended, how = trial.launch(tells(what, nth, note), meddle=meddle), f"inline, {what}"
        trial.expect(ended.code in STOPPED, f"exit code {ended.code} after a signal")
        return f"{how}: exit code {ended.code}"

    return fault


def _phase(trial: Trial) -> tuple[str, int]:
    """Return a moment of an inline launch: what is about to happen, the how-manieth time."""
    what = trial.rng.choice(PHASES)
    return what, trial.pick(what)


KINDS: dict[str, Kind] = {
    "worker killed": worker_killed,
    "driver killed": driver_killed,
    "driver killed again and again": driver_killed_repeatedly,
    "driver killed: training": driver_killed_while(ears.TRAINING),
    "driver killed: leasing": driver_killed_while(ears.LEASING),
    "driver killed: publish": driver_killed_while(ears.PUBLISH),
    "driver killed: publish to commit": driver_killed_while(ears.BETWEEN),
    "driver killed: row commit": driver_killed_while(ears.COMMIT),
    "driver killed: MLflow store made": driver_killed_while(ears.MAKING),
    "driver killed: mirroring": driver_killed_while(ears.MIRRORING),
    "object truncated": object_damaged("truncate"),
    "object's bytes flipped": object_damaged("flip"),
    "disk full": disk_full,
    "file size limited": files_bounded,
    "clock set back": clock_set_back,
    "MLflow locked": mlflow_locked,
    "SIGINT once": interrupted(signal.SIGINT, 1),
    "SIGINT twice": interrupted(signal.SIGINT, 2),
    "SIGTERM": interrupted(signal.SIGTERM, 1),
}
"""Every kind by its name."""

SLOW = ("worker killed", "driver killed")
"""Kinds that need Ray's workers or all imports, and are tested by themselves in tests/system."""
