"""What every fine-tuning stage of the catalogue keeps; a new entry is tested by being in it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from mood_sweeps.data import image_set
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.methods import FINETUNES
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.recipe import Recipe
from mood_sweeps.training.resume_state import ResumeState
from tests.support.killed_training import DiesInTheMiddle
from tests.support.method_cases import DIGITS, FEW, STAGES, stage_of, untrained

VALIDATION = DIGITS.open("val")
EXPOSED = image_set("textures").open("all").take(np.arange(0, 400, 40))

TRAINED_STAGES = [name for name in STAGES if issubclass(FINETUNES[name], Recipe)]
"""Stages with steps; a probe is fitted at once."""

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.parametrize("backbone", ["vit_nano", "resnet_nano"]),
]


def exposed(name: str) -> LabelledImages | None:
    shows = any(field.name == "exposed" for field in dataclasses.fields(FINETUNES[name]))
    return EXPOSED if shows else None


def tuned(name: str, backbone: str, seed: int = 0, **more: Any) -> Checkpoint:
    parameters = more.pop("parameters", {})
    stage = stage_of(name, **parameters)
    return finetune(
        stage, untrained(backbone), FEW, VALIDATION, seed, exposed=exposed(name), **more
    )


def same(first: Checkpoint, second: Checkpoint) -> bool:
    assert first.head is not None
    assert second.head is not None
    heads = zip(first.head.arrays.values(), second.head.arrays.values(), strict=True)
    return (
        first.weights.keys() == second.weights.keys()
        and all(torch.equal(first.weights[key], second.weights[key]) for key in first.weights)
        and all(np.array_equal(one, other) for one, other in heads)
        and first.curves == second.curves
    )


@pytest.mark.parametrize("name", STAGES)
def test_bits_depend_on_the_inputs_alone_and_flags_are_true(name: str, backbone: str) -> None:
    kind = FINETUNES[name]
    assert issubclass(kind, FinetuneStage)
    first = tuned(name, backbone)
    torch.rand(7)
    assert same(first, tuned(name, backbone))
    assert same(first, tuned(name, backbone, seed=1)) != kind.uses_seed
    assert (first.head is not None) == kind.makes_head
    assert first.head is not None
    assert (first.head.detector is not None) == kind.makes_detector
    assert 0 <= first.summary["validation_accuracy"] <= 1


@pytest.mark.parametrize("name", TRAINED_STAGES)
def test_a_killed_training_goes_on_to_the_same_bits(name: str, backbone: str) -> None:
    whole = tuned(name, backbone)
    file = DiesInTheMiddle(most=3)
    with pytest.raises(KeyboardInterrupt):
        tuned(name, backbone, progress=ResumeState(file, 0.0, share=math.inf))
    assert same(whole, tuned(name, backbone, progress=ResumeState(file, 600.0)))
