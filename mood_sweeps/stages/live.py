"""Banks with the network and the images behind them, for scorers that features do not suffice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mood_sweeps.bank import FeatureBank
from mood_sweeps.planner.work import Extract
from mood_sweeps.representations.checkpoint import load
from mood_sweeps.representations.live import LiveNetwork, NetworkInputs
from mood_sweeps.stages.extract import images_of
from mood_sweeps.store import Ref, Store

__all__ = ["with_network"]


def with_network(
    banks: Mapping[Ref, FeatureBank],
    extracted: Mapping[Ref, Extract],
    checkpoint: Ref,
    store: Store,
) -> dict[Ref, FeatureBank]:
    """Return the banks of one checkpoint with its network and their images.

    extracted: how each bank came about.
    """
    loaded = load(store.folder(checkpoint))
    network = LiveNetwork(loaded)
    form = loaded.architecture["input"]
    return {
        ref: dataclasses.replace(
            bank,
            inputs=NetworkInputs(images_of(extracted[ref]), form),
            network=network,
        )
        for ref, bank in banks.items()
    }
