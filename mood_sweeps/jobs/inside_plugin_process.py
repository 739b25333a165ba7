"""What a plugin's process does for a stage: it trains, loads or extracts with the plugin's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mood_sweeps.jobs.images_of_banks import images_of
from mood_sweeps.jobs.load import loaded
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.jobs.tuning_trials import train_or_tune
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.networks.user_networks import offer
from mood_sweeps.planning.stage_inputs import Extract, LoadFile, LoadPublished
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.load_plugin import load_catalogues
from mood_sweeps.plugins.shared_arrays import written
from mood_sweeps.store import Lease, Store
from mood_sweeps.training.optimiser_steps import acting_after_steps

__all__ = ["extract_features", "make_checkpoint"]


def make_checkpoint(
    stage: Stage,
    store: str,
    lease: Lease,
    keep_every_s: float,
    *,
    into: Path,
    at_work: Callable[[], None],
) -> dict[str, Any]:
    """Write the checkpoint of a train or load stage into a folder; return what no file holds."""
    _offer_backbones(stage.plugins)
    with single_thread(), acting_after_steps(at_work):
        if isinstance(stage.work, LoadFile | LoadPublished):
            checkpoint = loaded(stage.work)
        else:
            checkpoint = train_or_tune(stage, Store(store), lease, keep_every_s)
    checkpoint.save(into)
    return {
        "measured": checkpoint.measured,
        "findings": list(checkpoint.findings),
        "trials": checkpoint.trials,
    }


def extract_features(
    stage: Stage, checkpoint: str, *, into: Path, at_work: Callable[[], None]
) -> None:
    """Write the features, float32 (N, D), of an extract stage into a folder."""
    del at_work
    _offer_backbones(stage.plugins)
    work = stage.work
    assert isinstance(work, Extract)
    with single_thread():
        bank = extract(load(Path(checkpoint)), images_of(work))
    written({"features": bank.features}, into)


def _offer_backbones(plugins: Sequence[Plugin]) -> None:
    for plugin in plugins:
        for name, kind in load_catalogues(plugin).get("backbones", {}).items():
            offer(plugin.digest, name, kind)
