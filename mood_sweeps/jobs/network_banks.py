"""Banks with the network and the images behind them, for scorers that features do not suffice."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mood_sweeps.bank import FeatureBank
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.inspection.live_network import LiveNetwork, NetworkInputs
from mood_sweeps.jobs.images_of_banks import images_of, images_of_split
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.store import Ref, Store

__all__ = ["opened_with_network", "with_network"]


def with_network(
    banks: Mapping[Ref, FeatureBank],
    extracted: Mapping[Ref, Extract],
    checkpoint: Ref,
    store: Store,
) -> dict[Ref, FeatureBank]:
    """Return the banks of one checkpoint with its network and their images.

    extracted: how each bank came about.
    """
    network, form = _opened(store.folder(checkpoint))
    return {
        ref: dataclasses.replace(
            bank,
            inputs=NetworkInputs(images_of(extracted[ref]), form),
            network=network,
        )
        for ref, bank in banks.items()
    }


def opened_with_network(
    bank: FeatureBank,
    checkpoint: str,
    images: Mapping[str, Any],
    split: str,
    left_out: Sequence[int],
) -> FeatureBank:
    """Return a bank with its network and images, in the process of a plugin.

    checkpoint: the folder of its object. images: a `PlannedSet` as plain values. left_out:
    places in the split that the bank is without.
    """
    network, form = _opened_once(checkpoint)
    opened = images_of_split(PlannedSet.from_json(images), split, left_out)
    return dataclasses.replace(bank, inputs=NetworkInputs(opened, form), network=network)


@functools.lru_cache(maxsize=1)
def _opened_once(checkpoint: str) -> tuple[LiveNetwork, Any]:
    return _opened(Path(checkpoint))


def _opened(folder: Path) -> tuple[LiveNetwork, Any]:
    """Return a checkpoint's network and the form of its input."""
    loaded = load(folder)
    return LiveNetwork(loaded), loaded.architecture["input"]
