"""Repeat one call in this process, from what the store has."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mood_sweeps.engine.run_call import run_call
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.launching.find_log import digest_in, one_call
from mood_sweeps.launching.pending_work import find_pending_work
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.check_tuning import needs_ray
from mood_sweeps.planning.plan import Plan
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.results.read_results import Results
from mood_sweeps.store import Store

__all__ = ["repeat_call"]


def repeat_call(
    words: str,
    plans: Iterable[Plan],
    results: Results,
    store: Store,
    settings: WorkerSettings,
    say: Callable[[str], None],
) -> Outcome:
    """Run the call that ``words`` name, the beginning of its key; return what came of it.

    plans: those that may have it, tried in order. say: prints a line. Raises InputError if no
    missing call is so named, its inputs are not in the store, or a launch is running it.
    """
    call = _find(words, plans, results, store)
    if problems := _problems(call, store):
        raise InputError(problems)
    lease = store.leases.acquire(call.key)
    if lease is None:
        raise InputError(f"{call}: a launch is running this call now")
    say(f"{call} (call {call.key})")
    runner = ScorerRunner(settings.plugin_timeout_s, debug=settings.debug)
    try:
        return run_call(call, store, lease, settings, runner)
    finally:
        runner.close()
        store.leases.release(lease)
        store.leases.close()


def _find(words: str, plans: Iterable[Plan], results: Results, store: Store) -> Call:
    missing: dict[str, Call] = {}
    for plan in plans:
        calls = find_pending_work(plan, results, store, repair=False).calls
        missing |= {call.key: call for call in calls if call.key not in missing}
        key = one_call(words, {call.key: str(call) for call in calls})
        if key is not None:
            return missing[key]
    attempts = results.attempts_like(digest_in(words))
    tried = {row["call_key"]: f"{row['kind']} {row['label']}" for row in attempts}
    if (key := one_call(words, tried)) is not None:
        raise InputError(f"{tried[key]} has made all that it makes; there is nothing to repeat")
    shown = "; ".join(f"{call.key} ({call})" for call in list(missing.values())[:3])
    raise InputError(
        f"no missing call has a key that begins with {words!r}"
        + (f"; missing are: {shown}" if shown else "; nothing is missing")
    )


def _problems(call: Call, store: Store) -> list[Problem]:
    lacking = [ref for ref in call.needs if not store.has(ref)]
    return [
        *(Problem(f"{call} needs {ref.kind} {ref.key}, which is not made yet") for ref in lacking),
        *(Problem(why) for why in needs_ray(call.stages)),
    ]
