"""The chaos campaign: `python -m tests.chaos --faults 100`.

A small sweep is launched and disturbed again and again, each time by another fault at another
random moment, then launched until it is done. It must come to what an undisturbed launch comes to,
to the last bit, with nothing lost, done twice or left behind.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from tests.chaos.kinds import KINDS, SLOW
from tests.chaos.launches import import_everything
from tests.chaos.trial import Trial
from tests.chaos.undisturbed import Undisturbed
from tests.chaos.verdict import slowest, violations

__all__ = ["main"]


@dataclass(frozen=True)
class Result:
    """What came of one fault."""

    kind: str
    used_ray: bool
    relaunches: int
    delay_s: float
    violations: Sequence[str]


def main() -> int:
    """Run the campaign; return 1 if anything was violated."""
    options = _options()
    # Whatever ends the campaign, no launch shall outlive it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="mood-chaos-"))
    began = time.monotonic()
    import_everything()
    undisturbed = Undisturbed(folder / "undisturbed")
    print(
        f"seed {options.seed}; undisturbed: {undisturbed.wall_s:.1f} s, "
        f"{len(undisturbed.numbers)} cells, {len(undisturbed.places)} objects"
    )
    results = []
    for number, (kind, rng) in enumerate(itertools.islice(_kinds(options), options.faults), 1):
        if time.monotonic() - began > 60 * options.minutes:
            break
        results.append(_try(number, kind, rng, undisturbed, folder, options))
    print(f"\n{len(results)} faults in {(time.monotonic() - began) / 60:.1f} minutes")
    _print_table(results)
    failed = any(result.violations for result in results)
    if failed:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    say = parser.add_argument
    say("--faults", type=int, default=len(KINDS), help="how many (default: each kind once)")
    say("--minutes", type=float, default=math.inf, help="begin no other fault after so many")
    say("--seed", type=int, default=0, help="of everything random (default: 0)")
    say("--only", action="append", choices=list(KINDS), metavar="KIND", help="may be repeated")
    say("--lock-seconds", type=float, default=60.0, help="how long MLflow is locked (default: 60)")
    say("--ray-share", type=float, default=0.25, help="of faults that may come with Ray (0.25)")
    say("--quick", action="store_true", help="nothing with Ray, MLflow locked for 12 seconds")
    options = parser.parse_args()
    options.kinds = [kind for kind in KINDS if not options.only or kind in options.only]
    if options.quick:
        options.kinds = [kind for kind in options.kinds if kind not in SLOW]
        options.lock_seconds, options.ray_share = 12.0, 0.0
        options.faults = min(options.faults, len(options.kinds))
    return options


def _kinds(options: argparse.Namespace) -> Iterator[tuple[str, random.Random]]:
    """Yield kinds for ever, each once before any comes again, with what decides on its details.

    The n-th fault of a kind is the same whatever else is tried, so that ``--only`` repeats it.
    """
    order = random.Random(options.seed)
    for time_round in itertools.count():
        for kind in order.sample(options.kinds, len(options.kinds)):
            yield kind, random.Random(f"{options.seed} {kind} {time_round}")


def _try(
    number: int,
    kind: str,
    rng: random.Random,
    undisturbed: Undisturbed,
    folder: Path,
    options: argparse.Namespace,
) -> Result:
    """Try one fault; keep its folder only if something was wrong."""
    place = folder / f"{number:03}"
    began = time.monotonic()
    with_ray = rng.random() < options.ray_share
    how, found = "", []
    with Trial(place, undisturbed, rng, lock_s=options.lock_seconds, with_ray=with_ray) as trial:
        try:
            how = KINDS[kind](trial)
            trial.relaunch()
            found = violations(trial)
        except Exception:
            found.append(traceback.format_exc())
    if not found:
        shutil.rmtree(place)
    relaunches = sum(ended.is_relaunch for ended in trial.ended)
    delay = slowest(trial)
    found = [indent(line, "      ") for line in found]
    print(
        f"{number:3} {'ok  ' if not found else 'FAIL'} {kind}: {how}; {relaunches} relaunches, "
        f"slowest delay {delay.idle_s:.1f} s after {delay.since.split('/')[0]}; "
        f"{time.monotonic() - began:.1f} s in all",
        *found,
        sep="\n",
        flush=True,
    )
    return Result(kind, trial.used_ray, relaunches, delay.idle_s, found)


def _print_table(results: Sequence[Result]) -> None:
    """Print a line for each kind and one for all."""
    row = "{:34} {:>5} {:>8} {:>10} {:>15} {:>8}".format
    print(row("kind", "runs", "with Ray", "relaunches", "slowest delay s", "failures"))
    for kind in [*KINDS, "all"]:
        some = [result for result in results if kind in (result.kind, "all")]
        if some:
            rays = sum(result.used_ray for result in some)
            relaunches = sum(result.relaunches for result in some)
            delay_s = max(result.delay_s for result in some)
            failures = sum(bool(result.violations) for result in some)
            print(row(kind, len(some), rays, relaunches, f"{delay_s:.1f}", failures))


if __name__ == "__main__":
    sys.exit(main())
