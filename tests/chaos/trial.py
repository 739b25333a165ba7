"""One trial: a sweep in a folder of its own, launched, disturbed, and launched until it is done."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.launches import Forked, Heard
from tests.chaos.sabotage import Sabotage, nothing
from tests.chaos.undisturbed import INLINE, LAUNCH, Undisturbed
from tests.support.command_line import PATIENCE_S, Driven
from tests.support.workspace_contents import Facts

__all__ = ["Ended", "Trial"]

MOST_RELAUNCHES = 4
LOOK_S = 0.02
RAY = ("--executor", "ray", "--workers", "2")


@dataclass(frozen=True)
class Ended:
    """How a launch ended. heard: nothing where it was killed or not forked."""

    code: int
    output: str
    wall_s: float
    heard: Heard
    is_relaunch: bool


def let_be(driven: Driven) -> None:
    """Do nothing to a launch from outside."""
    del driven


class Trial:
    """Everything a fault may do to one sweep, and what came of it.

    lock_s: how long MLflow's database is locked. with_ray: whether a fault that can happen with
    Ray shall. ended: launches, in order. kept: the objects that were whole after some launch.
    damaged: manifests of objects that the fault itself changed. problems: what the fault saw go
    wrong.
    """

    def __init__(
        self,
        folder: Path,
        undisturbed: Undisturbed,
        rng: random.Random,
        *,
        lock_s: float,
        with_ray: bool,
    ) -> None:
        self.folder = folder
        self.facts = Facts(folder / ".mood")
        self.undisturbed = undisturbed
        self.rng = rng
        self.lock_s = lock_s
        self.with_ray = with_ray
        self.ended: list[Ended] = []
        self.kept: dict[str, int] = {}
        self.damaged: set[str] = set()
        self.database_lost = False
        self.used_ray = False
        self.problems: list[str] = []
        self._launched: list[Driven] = []
        self._open = ExitStack()

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def start(self, *, with_mlflow: bool = True) -> None:
        """Lay the sweep out; without an MLflow database, the launch has to make one."""
        self.undisturbed.start(self.folder, with_mlflow=with_mlflow)

    def pick(self, what: str) -> int:
        """Return one of the times that a sound is heard in an undisturbed launch."""
        return self.rng.randint(1, self.undisturbed.heard.counts[what])

    def launch(
        self,
        sabotage: Sabotage = nothing,
        before: Callable[[], None] | None = None,
        meddle: Callable[[Driven], None] = let_be,
    ) -> Ended:
        """Launch in a fork, do something to it from outside, and wait for its end."""
        fork = Forked(self.folder, *LAUNCH, *INLINE, sabotage=sabotage, before=before)
        return self._see_through(fork, meddle)

    def launch_in_full(
        self,
        meddle: Callable[[Driven], None],
        options: tuple[str, ...] = RAY,
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Launch as a person does, imports and all; with Ray, if nothing else is said."""
        self.used_ray = options == RAY
        driven = Driven(self.folder, *LAUNCH, *options, environment=environment)
        return self._see_through(driven, meddle)

    def relaunch(self) -> None:
        """Launch the same again until everything is done, at least once."""
        for _ in range(MOST_RELAUNCHES):
            if self.launch().code == 0 and self.facts.count("outbox", "done_at is null") == 0:
                return
        self.problems.append(f"not done after {MOST_RELAUNCHES} relaunches")

    def watch(self, driven: Driven, until: Callable[[], object], patience_s: float) -> bool:
        """Wait while a launch runs until something holds; return whether it came to that."""
        deadline = time.monotonic() + patience_s
        while driven.is_running and time.monotonic() < deadline:
            if until():
                return True
            driven.descendants()
            time.sleep(LOOK_S)
        return False

    def pass_time(self, driven: Driven, seconds: float) -> None:
        """Let a launch run for some seconds, or to its end."""
        self.watch(driven, lambda: False, seconds)

    def expect(self, holds: object, what: str) -> None:
        """Note down what did not come true."""
        if not holds:
            self.problems.append(what)

    def orphans(self) -> list[str]:
        """Return the processes that outlived their launch by half a minute."""
        return [orphan for driven in self._launched for orphan in driven.orphans()]

    def note_damage(self, folder: Path) -> None:
        """Remember that an object was changed from outside."""
        self.damaged.add(str((folder / "manifest.json").relative_to(self.facts.home)))

    def _see_through(self, driven: Driven, meddle: Callable[[Driven], None]) -> Ended:
        """Meddle with a launch and wait for its end; what it started is watched from here on."""
        began = time.monotonic()
        self._launched.append(self._open.enter_context(driven))
        meddle(driven)
        self.pass_time(driven, PATIENCE_S)
        self.expect(not driven.is_running, f"still running after {PATIENCE_S} s")
        if driven.is_running:
            driven.kill()
        heard = driven.heard if isinstance(driven, Forked) else Heard()
        wall_s = time.monotonic() - began
        self.ended.append(Ended(driven.wait(), driven.output, wall_s, heard, bool(self.ended)))
        for place, written_at in self.facts.manifests().items():
            self.kept.setdefault(place, written_at)
        return self.ended[-1]
