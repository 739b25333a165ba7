"""A training that diverged or learned nothing is found out; one that learned is not suspected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mood_sweeps.choice import Choice, choose
from mood_sweeps.data import image_set
from mood_sweeps.methods import PRETEXTS, choose_finetune
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.learning_checks import accuracy_findings, loss_findings, weight_findings
from mood_sweeps.training.resume_state import ResumeState
from tests.support.killed_training import DiesInTheMiddle

DIGITS = image_set("digits:0-5")
TRAIN, VALIDATION = DIGITS.open("train"), DIGITS.open("val")
FEW = TRAIN.take(np.arange(160))
NO_STEP = 1e-12

pytestmark = pytest.mark.usefixtures("one_thread")


def found(losses: list[float], untrained: float, steps: int = 340, may_rise: bool = False) -> Any:
    curve = [{"epoch": at, "loss": loss} for at, loss in enumerate(losses, 1)]
    return loss_findings(curve, untrained, steps, may_rise=may_rise)


def test_losses_of_trainings_that_learned_are_not_suspected() -> None:
    """First batch, first, highest and last epoch, as measured on nano backbones."""
    assert found([0.923, 0.4, 0.215], 1.165) == ()  # mim
    assert found([5.434, 3.0, 1.486], 5.706) == ()  # dino
    assert found([1.773, 1.0, 0.443], 1.791) == ()  # ft
    assert found([1.770, 2.993, 1.088], 1.790, may_rise=True) == ()  # ft:ssod, alpha 2
    assert found([1.768, 5.390, 1.204], 1.819, may_rise=True) == ()  # ft:ssod, alpha 4
    assert found([1.76, 1.71], 1.79, steps=34) == ()  # two epochs only
    assert found([1.274], 1.141, steps=5) == ()  # five steps of mim
    mae = [1.265, 0.536, 0.361, 0.323, 0.317, 0.309, 0.301, 0.305, 0.300, 0.299, 0.301, 0.297]
    assert found(mae, 1.821) == ()
    near_zero = [1.778, 0.240, 0.126, 0.023, 0.040, 0.035, 0.038]  # classification
    assert found(near_zero, 1.8) == ()
    assert found([1.8, 0.9, 1.3, 1.25, 0.85, 0.84], 1.9) == ()  # it came back


def test_a_loss_whose_target_moves_may_rise_again() -> None:
    risen = [3.1, 2.0, 2.6, 2.5]
    assert found(risen, 3.4)
    curve = [{"loss": loss} for loss in risen]
    assert loss_findings(curve, 3.4, 340, may_rise=False, may_rise_again=True) == ()
    assert found(risen, 3.4, may_rise=True) == ()
    assert found(risen, 3.4, steps=20) == ()


@pytest.mark.parametrize(
    ("untrained", "losses", "may_rise", "said"),
    [
        (1.790, [1.770, 2.5, 1.774], True, "the loss did not fall (1.79 untrained, 1.774 at"),
        (3.388, [3.546, 3.4, 3.304], False, "the loss did not fall"),  # mocov3, 100 × the rate
        (5.706, [3.558, 4.0, 5.646], False, "the loss did not fall"),  # dino, 100 × the rate
        (1.165, [774956.0, 9e5, 1.02], False, "the loss blew up"),  # mim, 100 × the rate
        (0.914, [329.6, 2033.8, 3.003], False, "the loss did not fall"),  # simmim, likewise
        (1.806, [2.664, 2.0, 1.434], False, "the loss blew up"),  # classification, 100 × the rate
        (1.791, [1.914, 1.996, 1.276], False, "the loss blew up"),  # ft, 100 × the rate
        # mae, 60 and 200 × the rate
        (1.821, [0.923, 0.438, 0.514, 0.583, 0.566, 0.554], False, "the loss rose again (0.438 at"),
        (1.821, [5.313, 2.124, 0.683, 0.57, 0.568, 0.535], False, "the loss blew up"),
    ],
)
def test_losses_of_trainings_that_diverged(
    untrained: float, losses: list[float], may_rise: bool, said: str
) -> None:
    (finding,) = found(losses, untrained, may_rise=may_rise)
    assert finding.startswith(said)


@pytest.mark.parametrize(
    ("right", "counts", "is_chance"),
    [
        # By scipy.stats.binomtest(right, n, p, alternative="greater").
        (25, (25, 25, 25, 25), True),  # p = 0.54
        (38, (25, 25, 25, 25), True),  # p = 0.0026
        (39, (25, 25, 25, 25), True),  # p = 0.0014
        (40, (25, 25, 25, 25), False),  # p = 0.0007
        (60, (60, 20, 20), True),  # always the largest class
        (0, (50, 50), True),
        (5, (3, 2), False),  # too few images to tell
        (100, (100,), False),  # one class
    ],
)
def test_validation_accuracy_at_chance(
    right: int, counts: tuple[int, ...], is_chance: bool
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    assert bool(accuracy_findings(right / len(labels), labels)) == is_chance


def test_what_was_not_validated_is_not_judged() -> None:
    assert accuracy_findings(None, None) == ()
    assert loss_findings([], None, 0, may_rise=False) == ()


def test_weights_that_did_not_move() -> None:
    before = {"a": torch.ones(8), "running_mean": torch.zeros(8)}
    after = {"a": torch.ones(8) + 1e-7, "running_mean": torch.ones(8)}
    assert weight_findings(before, after, ["a"]) == ("the weights did not move",)
    assert weight_findings(before, {**after, "a": torch.ones(8) + 1e-3}, ["a"]) == ()


def pretrained(pretext: str, backbone: str, epochs: int, rate: float | None = None) -> Checkpoint:
    given = {"epochs": epochs} | ({"learning_rate": rate} if rate else {})
    task: Choice = choose({pretext: given}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone(backbone), FEW, 0)


@pytest.mark.parametrize("pretext", ["mim", "mae", "simmim", "mocov3", "dino", "dinov2"])
def test_a_pretraining_without_steps_is_found_out(pretext: str) -> None:
    assert pretrained(pretext, "vit_nano", 1).findings == ()
    assert "the weights did not move" in pretrained(pretext, "vit_nano", 1, NO_STEP).findings


def test_a_pretraining_that_blows_up_is_found_out() -> None:
    (finding,) = pretrained("mim", "vit_nano", 3, rate=0.3).findings
    assert finding.startswith("the loss blew up (")


def test_a_pretraining_that_loses_what_it_learned_is_found_out() -> None:
    task: Choice = choose({"mae": {"epochs": 20, "learning_rate": 0.3}}, PRETEXTS, "pretext")
    (finding,) = pretrain(task, choose_backbone("vit_nano"), TRAIN, 0).findings
    assert finding.startswith("the loss rose again (")


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    return pretrain(choose("random", PRETEXTS, "pretext"), choose_backbone("resnet_nano"), None, 0)


def tuned(start: Checkpoint, stage: str, given: dict[str, Any], **more: Any) -> Checkpoint:
    (choice,) = choose_finetune({f"pt+{stage}": {stage: given}})
    return finetune(choice, start, TRAIN, VALIDATION, 0, **more)


@pytest.mark.parametrize("stage", ["ft", "ft:ssod", "ft:one_class"])
def test_fine_tuning_that_learned_or_did_not(start: Checkpoint, stage: str) -> None:
    assert tuned(start, stage, {"epochs": 3}).findings == ()
    findings = tuned(start, stage, {"epochs": 1, "learning_rate": NO_STEP}).findings
    assert "the weights did not move" in findings
    at_chance = [said for said in findings if said.startswith("validation accuracy ")]
    assert len(at_chance) == 1


def test_a_probe_on_features_without_content_is_found_out(start: Checkpoint) -> None:
    dead = Checkpoint(
        start.architecture, {name: torch.zeros_like(w) for name, w in start.weights.items()}
    )
    (choice,) = choose_finetune("pt+probe")
    assert finetune(choice, start, TRAIN, VALIDATION, 0).findings == ()
    (finding,) = finetune(choice, dead, TRAIN, VALIDATION, 0).findings
    assert finding.startswith("validation accuracy ")


def test_a_killed_training_remembers_the_untrained_loss(start: Checkpoint) -> None:
    given = {"epochs": 2, "learning_rate": 3.0}
    whole = tuned(start, "ft", given)
    kept = DiesInTheMiddle()
    with pytest.raises(KeyboardInterrupt):
        tuned(start, "ft", given, progress=ResumeState(kept, 0.0, share=1e9))
    again = tuned(start, "ft", given, progress=ResumeState(kept, 600.0))
    assert whole.findings == again.findings
    assert any("untrained" in said for said in whole.findings)
