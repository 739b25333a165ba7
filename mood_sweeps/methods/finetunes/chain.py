"""The axis value that chains fine-tuning stages: ``pt``, ``pt+ft``, ``pt+probe``."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from mood_sweeps.choice import Choice, did_you_mean
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.methods.finetunes.catalogue import FINETUNES
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.tuning import choose_all_tuned

__all__ = ["choose_finetune", "choose_finetunes"]


def choose_finetune(raw: Any) -> tuple[Choice[FinetuneStage], ...]:
    """Read one value of the fine-tuning axis; return the stages after ``pt``, in order.

    ``"pt"`` → (); ``"pt+ft"`` → (ft,); ``{"pt+ft": {"ft": {"epochs": 10}}}`` → (ft(epochs=10),).
    Raises InputError as `choose_finetunes` does, and for a grid.
    """
    chains = choose_finetunes(raw)
    if len(chains) > 1:
        raise InputError(f"finetune {raw!r} is a grid of {len(chains)}, not one value")
    return chains[0]


def choose_finetunes(raw: Any) -> tuple[tuple[Choice[FinetuneStage], ...], ...]:
    """Read one item of the fine-tuning axis, which may be a grid; return the chains it stands for.

    Raises InputError for a chain that does not start with ``pt``, an unknown or repeated
    stage, or parameters of a stage that is not in the chain.
    """
    chain, given = _chain_and_parameters(raw)
    first, *stages = chain.split("+")
    if first != "pt":
        raise InputError(
            f"finetune {chain!r} must start with 'pt' (the pretext weights), such as 'pt+ft'"
        )
    for stage in stages:
        if stage not in FINETUNES:
            raise InputError(
                f"finetune {chain!r}: unknown stage {stage!r}{did_you_mean(stage, FINETUNES)}"
            )
    if len(set(stages)) < len(stages):
        raise InputError(f"finetune {chain!r} has a stage twice")
    for name in given:
        if name not in stages:
            raise InputError(
                f"finetune {chain!r}: parameters for {name!r}, which is not a stage of the chain"
                f"{did_you_mean(str(name), stages)}"
            )
    return tuple(itertools.product(*(_settings(chain, stage, given) for stage in stages)))


def _settings(
    chain: str, stage: str, given: Mapping[str, Any]
) -> tuple[Choice[FinetuneStage], ...]:
    try:
        return choose_all_tuned({stage: given.get(stage)}, FINETUNES, "finetune")
    except InputError as error:
        raise InputError(_within(problem, chain) for problem in error.problems) from None


def _within(problem: Problem, chain: str) -> Problem:
    return (
        dataclasses.replace(problem, inside=(chain, *problem.inside)) if problem.inside else problem
    )


def _chain_and_parameters(raw: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(raw, str):
        return raw, {}
    if isinstance(raw, Mapping) and len(raw) == 1:
        (chain, given), *_ = raw.items()
        if isinstance(chain, str) and (given is None or isinstance(given, Mapping)):
            return chain, given or {}
    raise InputError(
        f"finetune {raw!r} is neither a chain such as 'pt+ft' nor a chain with parameters such as "
        "{'pt+ft': {'ft': {'epochs': 10}}}"
    )
