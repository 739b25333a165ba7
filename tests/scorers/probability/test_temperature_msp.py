from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_ood.detector import TemperatureScaling
from torch import from_numpy
from torch.nn.functional import cross_entropy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers.probability.temperature_msp import (
    TemperatureMSP,
    TemperatureMSPOpenOOD,
    TemperatureMSPPytorchOOD,
)

VARIANTS = [TemperatureMSP, TemperatureMSPOpenOOD, TemperatureMSPPytorchOOD]


def bank_of(logits, labels):
    return FeatureBank(np.ones((len(logits), 1)), np.asarray(labels), np.asarray(logits))


def trained(scale=1.0, lead=1.5, seed=0):
    """Logits of a classifier that is mostly right, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, 200)
    logits = rng.normal(size=(200, 5))
    logits[np.arange(200), labels] += lead
    return bank_of(logits * scale, labels)


def temperature(kind, bank):
    return float(kind().fit(bank, None)["temperature"])


def descended(bank, start):
    detector = TemperatureScaling(None)
    detector.t.data = torch.tensor(start, dtype=torch.float64)
    detector.fit_logits(from_numpy(bank.logits), from_numpy(bank.labels))
    return detector.t.item()


def test_by_hand():
    # Three of four right by a lead of 2 log 3: T = 2 gives each the probability 3/4.
    bank = bank_of([[2 * np.log(3), 0.0]] * 4, [0, 0, 0, 1])
    assert temperature(TemperatureMSP, bank) == pytest.approx(2, rel=1e-12)
    state = TemperatureMSP().fit(bank, None)
    np.testing.assert_allclose(TemperatureMSP().score(state, bank), [0.75] * 4)


@pytest.mark.parametrize("seed", range(5))
def test_the_likelihood_does_not_change_at_its_best(seed):
    bank = trained(seed=seed)
    t = torch.tensor(temperature(TemperatureMSP, bank), dtype=torch.float64, requires_grad=True)
    cross_entropy(from_numpy(bank.logits) / t, from_numpy(bank.labels)).backward()
    assert abs(t.grad.item()) < 1e-13


def test_follows_the_size_of_the_logits():
    ratio = temperature(TemperatureMSP, trained(scale=50.0)) / temperature(
        TemperatureMSP, trained()
    )
    assert ratio == pytest.approx(50, rel=1e-9)


def test_logits_that_are_never_wrong_stop_at_a_temperature_that_keeps_their_order():
    bank = bank_of([[4.0, 0.0], [0.0, 4.0]], [0, 1])
    assert temperature(TemperatureMSP, bank) == pytest.approx(4 / 32)
    scores = TemperatureMSP().score(TemperatureMSP().fit(bank, None), bank_of([[4.0, 0]], [0]))
    assert scores < 1


def test_logits_that_are_always_wrong_stop_at_a_large_temperature():
    bank = bank_of([[4.0, 0.0], [0.0, 4.0]], [1, 0])
    assert temperature(TemperatureMSP, bank) == pytest.approx(4 * 32)


def test_logits_without_any_difference_have_temperature_one():
    assert temperature(TemperatureMSP, bank_of([[0.3, 0.3]] * 3, [0, 1, 1])) == 1


@pytest.mark.parametrize("kind", VARIANTS[1:])
@pytest.mark.parametrize("lead", [1.5, 4.0])
@pytest.mark.parametrize("scale", [0.3, 0.5, 2.0])
def test_the_descents_end_where_torchs_do(scale, lead, kind):
    bank = trained(scale, lead)
    assert temperature(kind, bank) == pytest.approx(descended(bank, kind.start), rel=1e-9)


def test_a_descent_that_starts_at_the_best_stays_there():
    bank = trained()
    best = bank_of(bank.logits / temperature(TemperatureMSP, bank), bank.labels)
    assert temperature(TemperatureMSPPytorchOOD, best) == pytest.approx(1, abs=1e-6)


def test_a_descent_to_a_negative_temperature_is_undefined():
    bank = trained(lead=4.0)
    assert descended(bank, 1.5) < 0
    with pytest.raises(Undefined, match="negative"):
        TemperatureMSPOpenOOD().fit(bank, None)


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("label", [-1, 2])
def test_labels_of_other_classes_are_refused(kind, label):
    with pytest.raises(InputError, match=r"labels 0\.\.1, the classes of the logits; 1 of 2"):
        kind().fit(bank_of([[1.0, 0.0], [0.0, 1.0]], [0, label]), None)


@pytest.mark.parametrize("kind", VARIANTS)
def test_learns_from_the_validation_split(kind):
    assert kind.fits_on == "id_val"
