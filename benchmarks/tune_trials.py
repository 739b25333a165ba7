"""The grid of an experiment as one would run it with Ray Tune: what `sweep_vs_tune.py` measures.

    python benchmarks/tune_trials.py naive|careful [--set KEY=VALUE ...] [--all]

Prints one line of JSON: CPU seconds by trial and part, and the AUROCs made. Without --all, it runs
a sample that meets each training method once: of the first seed, the longest chain of each pretext
× backbone, as one of its cells (naive) or as a checkpoint (careful).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mood_sweeps as ms
from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.data.catalogue import image_set
from mood_sweeps.experiment.load import load_sweep
from mood_sweeps.jobs.score_call import Banks, Known, score_call
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.metrics import nearest_class_mean, predict
from mood_sweeps.planning.missing_calls import calls_for
from mood_sweeps.planning.plan import Cell, Plan, Representation
from mood_sweeps.planning.stage_inputs import Finetune, Pretrain
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store.codecs import load_bank, load_head, save_bank

__all__ = ["CORES", "EXPERIMENT", "planned"]

EXPERIMENT = Path(__file__).parent.parent / "experiments" / "pretext_vs_scorer.yaml"
CORES = os.cpu_count() or 1
Seconds = dict[str, float]


def planned(overrides: list[str]) -> Plan:
    return ms.plan(load_sweep(str(EXPERIMENT), overrides))


def sampled(plan: Plan, everything: bool) -> tuple[list[int], list[int]]:
    """Return the numbers of the cells (naive) and of the representations (careful) to run."""
    if everything:
        return list(range(len(plan.cells))), list(range(len(plan.representations)))
    longest = max(len(item.chain) for item in plan.representations)
    chosen = [
        number
        for number, item in enumerate(plan.representations)
        if len(item.chain) == longest and item.seed == plan.representations[0].seed
    ]
    cells: dict[str, list[int]] = {}
    for number, cell in enumerate(plan.cells):
        cells.setdefault(cell.representation.key, []).append(number)
    draw = random.Random(0)
    return [draw.choice(cells[plan.representations[number].key]) for number in chosen], chosen


def trained(item: Representation, spent: Seconds) -> Any:
    """Return the checkpoint at the end of a chain, everything in it trained here and now."""
    from mood_sweeps.methods.finetunes.run_stage import finetune
    from mood_sweeps.methods.pretexts.pretrain import pretrain

    checkpoint: Any = None
    for stage in item.chain:
        began, work = time.process_time(), stage.work
        if isinstance(work, Pretrain):
            corpus = work.corpus.open().open("train") if work.corpus else None
            checkpoint = pretrain(work.pretext, work.backbone, corpus, work.seed)
        elif isinstance(work, Finetune) and work.seed is not None:
            images = work.id_set.open()
            splits = images.open("train"), images.open("val")
            checkpoint = finetune(work.stage, checkpoint, *splits, work.seed)
        else:
            raise TypeError(f"{stage.method}: not trained here")
        spent[stage.method] = time.process_time() - began
    return checkpoint


def banks_of(item: Representation, needed: set[str], spent: Seconds) -> tuple[Any, dict[Any, Any]]:
    """Return the checkpoint of a representation and its banks of the image sets that are needed."""
    checkpoint = trained(item, spent)
    from mood_sweeps.networks.extract_features import extract

    began = time.process_time()
    banks = {
        stage.ref: extract(checkpoint, image_set(name).open(split))
        for (name, split), stage in item.banks.items()
        if name in needed
    }
    spent["extract"] = time.process_time() - began
    return checkpoint, banks


def numbers_of(
    plan: Plan, cells: list[Cell], banks: Mapping[Any, FeatureBank], head: Head | None
) -> dict[str, float]:
    """Return AUROC by evaluation key of cells of one representation, each fit and scoring once."""
    work: Any = calls_for(plan, cells, lambda _: True, image_set)[-1].scoring
    train = banks[work.train_bank]
    has_head = work.predictions == "head"
    predicted = {
        ref: predict(bank, head) if has_head else nearest_class_mean(train, bank)
        for ref, bank in banks.items()
    }
    inputs = Banks(banks, head, predicted)
    return {
        row["evaluation_key"]: row["auroc"]
        for row in score_call(work, inputs, Known(), ScorerRunner()).rows
    }


def naive(config: dict[str, int], plan: Plan) -> dict[str, Any]:
    """Trial for one cell: everything that it needs, made here."""
    times = started()
    spent: Seconds = {}
    cell = plan.cells[config["number"]]
    with single_thread():
        names = {cell.pair.id_set, cell.pair.ood_set}
        checkpoint, banks = banks_of(cell.representation, names, spent)
        began = time.process_time()
        numbers = numbers_of(plan, [cell], banks, checkpoint.head)
        spent["score"] = time.process_time() - began
    return ended(times, spent, numbers)


def careful(config: dict[str, int], plan: Plan, folder: str) -> dict[str, Any]:
    """Trial for one checkpoint: all its banks, saved as files in ``folder``."""
    times = started()
    spent: Seconds = {}
    item = plan.representations[config["number"]]
    with single_thread():
        checkpoint, banks = banks_of(item, {name for name, _ in item.banks}, spent)
    checkpoint.save(Path(folder, item.key))
    for ref, bank in banks.items():
        Path(folder, ref.key).mkdir()
        save_bank(bank, Path(folder, ref.key))
    return ended(times, spent, {})


def started() -> dict[str, float]:
    """Import what trials need; return when the trial was ready and its process's CPU seconds."""
    before = time.process_time()
    import mood_sweeps.jobs.train_stage  # noqa: F401

    return {"ready": time.time(), "cpu": before}


def ended(times: dict[str, float], spent: Seconds, numbers: dict[str, float]) -> dict[str, Any]:
    """Return what a trial reports to Tune: texts, as Tune flattens mappings."""
    wall, cpu = time.time() - times["ready"], time.process_time()
    report = times | {"wall": wall, "process": cpu, "own": cpu - times["cpu"]}
    return report | {"spent": json.dumps(spent), "numbers": json.dumps(numbers)}


def by_hand(plan: Plan, chosen: list[int], folder: str) -> tuple[dict[str, float], Seconds]:
    """Score every cell of some representations here: AUROC by evaluation key; seconds, cells."""
    numbers: dict[str, float] = {}
    began = time.process_time()
    with single_thread():
        for item in (plan.representations[number] for number in chosen):
            cells = [cell for cell in plan.cells if cell.representation is item]
            banks = {bank.ref: load_bank(Path(folder, bank.key)) for bank in item.banks.values()}
            numbers |= numbers_of(plan, cells, banks, load_head(Path(folder, item.key)))
    return numbers, {"seconds": time.process_time() - began, "cells": len(numbers)}


def run(method: str, overrides: list[str], everything: bool) -> dict[str, Any]:
    """Run one of the Tune ways; return its trials and what it made."""
    plan = planned(overrides)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
    import ray
    from ray import tune

    numbers = sampled(plan, everything)[method == "careful"]
    with tempfile.TemporaryDirectory() as folder:
        ray.init("local", include_dashboard=False, num_cpus=CORES, log_to_driver=False)
        saved = Path(folder, "saved")
        saved.mkdir()
        trial = tune.with_parameters(naive, plan=plan)
        if method == "careful":
            trial = tune.with_parameters(careful, plan=plan, folder=str(saved))
        found = tune.Tuner(
            tune.with_resources(trial, {"cpu": 1}),
            param_space={"number": tune.grid_search(numbers)},
            tune_config=tune.TuneConfig(reuse_actors=method == "careful"),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        trials = [dict(result.metrics) for result in found]
        ray.shutdown()
        made = {key: number for t in trials for key, number in json.loads(t["numbers"]).items()}
        hand: Seconds = {}
        if method == "careful":
            made, hand = by_hand(plan, numbers, str(saved))
    for each in trials:
        each["spent"] = json.loads(each["spent"])
    return {"trials": trials, "hand": hand, "made": made}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=["naive", "careful"])
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.method, arguments.overrides, arguments.all), default=str))


if __name__ == "__main__":
    main()
