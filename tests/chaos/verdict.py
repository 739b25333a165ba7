"""Whether a disturbed sweep came to what an undisturbed one does, and nothing was done twice."""

from __future__ import annotations

import json
from collections import Counter
from operator import attrgetter
from typing import Any

from mood_sweeps.identity import file_digest
from tests.chaos.launches import Heard
from tests.chaos.trial import Trial
from tests.chaos.undisturbed import LINEAGE, shown_in_mlflow

__all__ = ["MOST_DELAY_S", "slowest", "violations"]

MOST_DELAY_S = 5.0
"""How long nothing may happen in a relaunch on one host."""


def violations(trial: Trial) -> list[str]:
    """Return everything that is not as it should be, in words."""
    return [
        *trial.problems,
        *_numbers(trial),
        *_work(trial),
        *_store(trial),
        *_launches(trial),
        *_mlflow(trial),
        *(f"orphan: {orphan}" for orphan in trial.orphans()),
    ]


def slowest(trial: Trial) -> Heard:
    """Return what was heard of the relaunch that did nothing for the longest time."""
    heard = [ended.heard for ended in trial.ended if ended.is_relaunch]
    return max(heard, key=attrgetter("idle_s"), default=Heard())


def _numbers(trial: Trial) -> list[str]:
    facts, expected = trial.facts, trial.undisturbed
    gone = {_key(place) for place in trial.damaged}
    known = {key: digest for key, digest in facts.digests().items() if key not in gone}
    wanted_digests = {key: digest for key, digest in expected.digests.items() if key not in gone}
    compared = {
        "numbers": (facts.numbers(), expected.numbers),
        "confusions": (facts.confusions(), expected.confusions),
        "lineage": (facts.rows(LINEAGE), expected.lineage),
        "digests": (sorted(known.items()), sorted(wanted_digests.items())),
    }
    return [
        f"{name} differ: {_difference(Counter(map(str, found)), Counter(map(str, wanted)))}"
        for name, (found, wanted) in compared.items()
        if found != wanted
    ]


def _work(trial: Trial) -> list[str]:
    """Compare what was done with what had to be: what the fault destroyed may be done again."""
    done = Counter(
        dict(
            trial.facts.rows(
                "select call_key, count(*) from attempts where outcome = 'done' group by 1"
            )
        )
    )
    remade = Counter(_maker(trial, place) for place in trial.damaged)
    twice = [f"{key[:20]} was done {n} times" for key, n in done.items() if n > 1 + remade[key]]
    now = trial.facts.manifests()
    changed = [
        f"{place} was made again"
        for place, written_at in trial.kept.items()
        if now.get(place) != written_at and place not in trial.damaged
    ]
    return twice + changed


def _maker(trial: Trial, place: str) -> str:
    """Return the key of the call that makes an object."""
    _, _, kind, group, *_ = place.split("/")
    if kind == "score":
        return f"score-{group}"
    if kind == "extract":
        return f"extract-{_content(trial, place)['checkpoint']}"
    return _key(place)


def _key(place: str) -> str:
    """Return the key of the object with its manifest at a place of the store."""
    return place.split("/")[-2]


def _content(trial: Trial, place: str) -> dict[str, Any]:
    """Return what an object's key was made of."""
    manifest = json.loads((trial.undisturbed.facts.home / place).read_text())
    content: dict[str, Any] = manifest["origin"]["content"]
    return content


def _store(trial: Trial) -> list[str]:
    facts = trial.facts
    found = []
    # What was damaged is made again only where it is needed for something.
    places = set(facts.manifests()) - trial.damaged
    if different := places ^ (trial.undisturbed.places - trial.damaged):
        found.append(f"objects differ: {sorted(different)}")
    for place in sorted(places):
        manifest = facts.home / place
        for name, record in json.loads(manifest.read_text())["files"].items():
            if file_digest(manifest.parent / name) != record["sha256"]:
                found.append(f"{place}: {name} is not what was published")
    # What a killed process was writing aside goes after a day; damaged objects stay for good.
    expected = ("tmp", "leases/.", *(["quarantine"] if trial.damaged else []))
    left = [place for place in facts.left_overs() if not place.startswith(expected)]
    return found + [f"left behind: {place}" for place in left]


def _launches(trial: Trial) -> list[str]:
    found = []
    for number, ended in enumerate(trial.ended, 1):
        for word in ("ALARM", "waiting for it"):
            if word in ended.output:
                found.append(f"launch {number} says {word!r}")
        # A stage that failed shows its traceback; nothing else may.
        if "Traceback" in ended.output and "traceback of" not in ended.output:
            found.append(f"launch {number} shows a traceback")
        if ended.is_relaunch and ended.heard.idle_s > MOST_DELAY_S:
            heard = ended.heard
            found.append(f"relaunch {number} did nothing for {heard.idle_s:.1f} s: {heard.since}")
    if still_open := trial.facts.count("launches", "ended_at is null"):
        found.append(f"{still_open} launches have no end")
    if still_open := trial.facts.count("attempts", "ended_at is null"):
        found.append(f"{still_open} attempts have no end")
    return found


def _mlflow(trial: Trial) -> list[str]:
    found = []
    if still_open := trial.facts.count("outbox", "done_at is null"):
        found.append(f"{still_open} items were not mirrored")
    runs = trial.facts.mlflow_runs()
    found += [f"MLflow shows {subject} {n} times" for subject, n in runs.items() if n > 1]
    lost = _lost_checkpoints(trial)
    shown = vars(shown_in_mlflow(trial.facts))
    for name, wanted in vars(trial.undisturbed.shown).items():
        more, less = list(shown[name] - wanted), list(wanted - shown[name])
        # Of a checkpoint that is gone MLflow shows what the database knows, and no more.
        if lost:
            less = [e for e in less if name != "files" and e[1].split("|")[0] not in lost]
        if more or less:
            found.append(f"MLflow's {name}: too many {more[:3]}, missing {less[:3]}")
    launches = sum(kind == "launch" for kind, _ in runs)
    if launches != trial.facts.count("launches") and not trial.database_lost:
        found.append(f"{launches} launches in MLflow, {trial.facts.count('launches')} in fact")
    return found


def _difference(found: Counter[str], wanted: Counter[str]) -> str:
    more, less = found - wanted, wanted - found
    return f"too many {list(more.items())[:3]}, missing {list(less.items())[:3]}"


def _lost_checkpoints(trial: Trial) -> set[str]:
    """Return checkpoints of which MLflow may show less: they, or what they come from, were lost."""
    lost = {_key(place) for place in trial.damaged if "/score/" not in place}
    for place in trial.undisturbed.places:
        if "/finetune/" in place and _content(trial, place)["checkpoint"] in lost:
            lost.add(_key(place))
    return lost
