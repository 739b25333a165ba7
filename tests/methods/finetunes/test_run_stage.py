from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mood_sweeps.choice import Choice, choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import StageFailed
from mood_sweeps.methods import PRETEXTS, choose_finetune
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint, load
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.networks.timm_networks import build
from mood_sweeps.store.codecs import load_head
from mood_sweeps.training.resume_state import ResumeState
from tests.support.killed_training import DiesInTheMiddle

DIGITS = image_set("digits:0-5")
TRAIN, VALIDATION = DIGITS.open("train"), DIGITS.open("val")
FEW = TRAIN.take(np.arange(50))
EXPOSED = image_set("textures").open("all").take(np.arange(0, 400, 40))
STRONG = {"layer_decay": 0.75, "drop_path": 0.2, "ema": 0.9}
VIEWS = {"augmentation": "paper", "rand_augment": 9.0, "erase": 0.25}
MIXED = {"mixup": 0.8, "cutmix": 1.0}
TRAINING_STAGES: list[tuple[str, dict[str, object]]] = [
    ("ft", {}),
    ("ft", {**STRONG, **VIEWS, **MIXED}),
    ("inter", {**STRONG, **VIEWS, **MIXED}),
    ("ft:one_class", {**STRONG, **VIEWS}),
    ("ft:ssod", {**STRONG, "gamma": 0.6}),
    ("ft:outlier_exposure", {**STRONG, **VIEWS, "exposed": "textures", "k": 2}),
]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    random = choose("random", PRETEXTS, "pretext")
    return pretrain(random, choose_backbone("resnet_nano"), None, 0)


def tuned(start: Checkpoint, epochs: int, validated: bool = True) -> Checkpoint:
    (stage,) = choose_finetune({"pt+ft": {"ft": {"epochs": epochs}}})
    return finetune(stage, start, TRAIN, VALIDATION if validated else None, 0)


def test_a_few_epochs_learn_digits(start: Checkpoint) -> None:
    checkpoint = tuned(start, 5)
    bank = extract(checkpoint, VALIDATION)
    assert bank.logits is not None
    accuracy = (bank.logits.argmax(axis=1) == bank.labels).mean()
    assert accuracy > 0.9
    assert checkpoint.summary["validation_accuracy"] == pytest.approx(accuracy)
    assert checkpoint.curves[-1]["validation_accuracy"] == pytest.approx(accuracy)
    assert checkpoint.head is not None
    assert checkpoint.head.weight.shape == (6, 128)


def test_validation_decides_nothing(start: Checkpoint) -> None:
    with_it, without = tuned(start, 1), tuned(start, 1, validated=False)
    assert all(torch.equal(with_it.weights[n], without.weights[n]) for n in with_it.weights)
    assert "validation_accuracy" not in without.summary


def test_the_start_is_not_changed_and_the_run_repeats(start: Checkpoint) -> None:
    before = {name: tensor.clone() for name, tensor in start.weights.items()}
    first, second = tuned(start, 1), tuned(start, 1)
    assert all(torch.equal(before[name], start.weights[name]) for name in before)
    assert all(torch.equal(first.weights[n], second.weights[n]) for n in first.weights)
    assert first.head is not None
    assert second.head is not None
    np.testing.assert_array_equal(first.head.weight, second.head.weight)


def stage_of(name: str, **parameters: object) -> Choice:
    (stage,) = choose_finetune({f"pt+{name}": {name: parameters}})
    return stage


def same(first: Checkpoint, second: Checkpoint) -> bool:
    assert first.head is not None
    assert second.head is not None
    return (
        first.weights.keys() == second.weights.keys()
        and all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
        and np.array_equal(first.head.weight, second.head.weight)
        and np.array_equal(first.head.bias, second.head.bias)
        and first.curves == second.curves
    )


@pytest.mark.parametrize("backbone", ["vit_nano", "resnet_nano"])
@pytest.mark.parametrize(("name", "parameters"), TRAINING_STAGES)
def test_a_killed_stage_goes_on_to_the_same_bits(
    name: str, parameters: dict[str, object], backbone: str
) -> None:
    random = choose("random", PRETEXTS, "pretext")
    start = pretrain(random, choose_backbone(backbone), None, 0)
    stage = stage_of(name, **{"epochs": 2, "batch_size": 24} | parameters)

    def tune(progress: ResumeState | None = None) -> Checkpoint:
        return finetune(stage, start, FEW, VALIDATION, 0, exposed=EXPOSED, progress=progress)

    whole, kept = tune(), DiesInTheMiddle(most=3)
    with pytest.raises(KeyboardInterrupt):
        tune(ResumeState(kept, 0.0, share=math.inf))
    torch.manual_seed(5)
    assert same(whole, tune(ResumeState(kept, 600.0)))


def test_everything_switched_on_still_learns_and_is_a_plain_network(start: Checkpoint) -> None:
    stage = stage_of("ft", epochs=8, **{**STRONG, "ema": 0.8}, rand_augment=3.0, **MIXED)
    checkpoint = finetune(stage, start, TRAIN, VALIDATION, 0)
    bank = extract(checkpoint, VALIDATION)
    assert bank.logits is not None
    accuracy = (bank.logits.argmax(axis=1) == bank.labels).mean()
    assert accuracy > 0.8
    # What is recorded is the accuracy of what is published: the average, not the last weights.
    assert checkpoint.summary["validation_accuracy"] == pytest.approx(accuracy)
    assert checkpoint.architecture == start.architecture
    network = build(checkpoint.architecture)
    assert not any("DropPath" in type(one).__name__ for one in network.modules())
    assert network.state_dict().keys() == checkpoint.weights.keys()


@pytest.mark.parametrize(
    "parameters", [*({name: value} for name, value in (STRONG | VIEWS | MIXED).items())], ids=str
)
def test_each_part_changes_what_is_trained(
    start: Checkpoint, parameters: dict[str, object]
) -> None:
    plain = finetune(stage_of("ft", epochs=1), start, FEW, None, 0)
    other = finetune(stage_of("ft", epochs=1, **parameters), start, FEW, None, 0)
    assert not torch.equal(plain.weights["conv1.weight"], other.weights["conv1.weight"])


def test_images_of_another_size_and_channels_are_trained_on(start: Checkpoint) -> None:
    strokes = image_set("strokes")  # 16×16, the network takes 8×8
    checkpoint = finetune(
        stage_of("inter", epochs=2), start, strokes.open("train"), strokes.open("val"), 0
    )
    assert checkpoint.summary["validation_accuracy"] > 0.4
    assert checkpoint.head is not None
    assert checkpoint.head.weight.shape == (6, 128)


def test_ssod_trains_a_detector_that_is_kept_with_the_head(
    start: Checkpoint, tmp_path: Path
) -> None:
    checkpoint = finetune(stage_of("ft:ssod", epochs=4, gamma=0.6), start, TRAIN, None, 0)
    assert checkpoint.head is not None
    assert checkpoint.head.detector is not None
    assert checkpoint.head.detector.shape == (129,)
    checkpoint.save(tmp_path)
    read = load(tmp_path).head
    assert read is not None
    assert read.detector is not None
    np.testing.assert_array_equal(read.detector, checkpoint.head.detector)
    stored = load_head(tmp_path)
    assert stored is not None
    np.testing.assert_array_equal(stored.detector, checkpoint.head.detector)


def test_ssod_with_alpha_0_is_plain_fine_tuning(start: Checkpoint) -> None:
    plain = finetune(stage_of("ft", epochs=1, label_smoothing=0.0), start, TRAIN, None, 0)
    ssod = finetune(stage_of("ft:ssod", epochs=1, alpha=0.0), start, TRAIN, None, 0)
    assert all(torch.equal(plain.weights[name], ssod.weights[name]) for name in plain.weights)
    assert plain.curves == ssod.curves


def test_one_class_has_n_c_outputs_and_the_loss_of_equation_1(start: Checkpoint) -> None:
    three = image_set("digits:3").open("train")
    stage = stage_of("ft:one_class", epochs=8, outputs=7, label_smoothing=0.1)
    checkpoint = finetune(stage, start, three, None, 0)
    assert checkpoint.head is not None
    assert checkpoint.head.weight.shape == (7, 128)
    # Of targets y (1 − α) + α / N_c no prediction has less than their entropy.
    target = np.full(7, 0.1 / 7)
    target[0] += 0.9
    least = -(target * np.log(target)).sum()
    losses = [record["loss"] for record in checkpoint.curves]
    assert least < losses[-1] < least + 0.2
    assert losses[-1] < losses[0]


def test_fewer_outputs_than_classes_are_refused(start: Checkpoint) -> None:
    with pytest.raises(StageFailed, match="outputs is 3, and the ID set has 6 classes"):
        finetune(stage_of("ft:one_class", outputs=3), start, TRAIN, None, 0)
