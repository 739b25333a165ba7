"""What is done to a launch from within its own process, at the n-th time something is heard."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.ears import PLACED, STORE_WRITE, Sound
from tests.chaos.wrong_clock.clock import set_wrong

__all__ = [
    "Sabotage",
    "damage",
    "damages",
    "dies",
    "disk_is_full",
    "nothing",
    "sets_clock",
    "tells",
]

Sabotage = Callable[[Sound], None]
"""Called with everything that is heard, before it happens."""


def nothing(sound: Sound) -> None:
    """Leave the launch alone."""
    del sound


def dies(what: str, nth: int) -> Sabotage:
    """End the process as a power cut would, right before something happens the n-th time."""

    def now() -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # another thread's signal may take a moment

    return _at(what, nth, lambda _: now())


def tells(what: str, nth: int, note: Path) -> Sabotage:
    """Make a file when something is about to happen the n-th time, for a fault from outside."""
    return _at(what, nth, lambda _: note.touch())


def damages(nth: int, harm: str, seed: int, note: Path) -> Sabotage:
    """Damage the n-th object that is published, at once, and note down its place."""

    def now(sound: Sound) -> None:
        note.write_text(f"{sound.path}\n{damage(Path(sound.path), harm, random.Random(seed))}")

    return _at(PLACED, nth, now)


def damage(folder: Path, harm: str, rng: random.Random) -> str:
    """Truncate one file of an object or flip bits of one byte; return what was done."""
    file = rng.choice(sorted(path for path in folder.iterdir() if path.stat().st_size))
    content = bytearray(file.read_bytes())
    position = rng.randrange(len(content))
    if harm == "truncate":
        file.write_bytes(content[:position])
        return f"{file.name} cut to {position} of {len(content)} bytes"
    content[position] ^= rng.randrange(1, 256)
    file.write_bytes(content)
    return f"byte {position} of {file.name} flipped"


def sets_clock(what: str, nth: int, by_s: float) -> Sabotage:
    """Shift the time of day when something is about to happen the n-th time."""
    return _at(what, nth, lambda _: set_wrong(by_s))


def disk_is_full(nth: int, often: int) -> Sabotage:
    """Let nothing more be made in the store from the n-th time on, so many times."""
    heard = 0

    def hear(sound: Sound) -> None:
        nonlocal heard
        if sound.what == STORE_WRITE:
            heard += 1
            if nth <= heard < nth + often:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), sound.path)

    return hear


def _at(what: str, nth: int, act: Callable[[Sound], None]) -> Sabotage:
    heard = 0

    def hear(sound: Sound) -> None:
        nonlocal heard
        if sound.what == what:
            heard += 1
            if heard == nth:
                act(sound)

    return hear
