"""Scores that shape the last map before it is pooled: pytorch-ood's own, on real architectures."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from pytorch_ood import detector

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers import SCORERS
from tests.support.small_timm_networks import networked

networks = functools.cache(networked)

DETECTORS = {
    "ash_s@pytorch_ood": detector.ASH,
    "ash_p@pytorch_ood": functools.partial(detector.ASH, variant="ash-p"),
    "scale@pytorch_ood": detector.SCALE,
    "vra@pytorch_ood": detector.VRA,
    "react@pytorch_ood": functools.partial(detector.ReAct, threshold=1.0),
    "react@pytorch_ood(quantile=0.9)": detector.ReAct,
    "react@pytorch_ood(threshold=0.5)": functools.partial(detector.ReAct, threshold=0.5),
}
# What pools last: a plain mean; after a convolution that is no block; before one; before a norm;
# a map with its channels last.
ARCHITECTURES = [
    "test_resnet",
    "test_efficientnet",
    "mobilenetv3_small_050",
    "test_convnext",
    "test_mambaout",
]


def scorer_of(label):
    name, _, rest = label.partition("(")
    given = dict(item.split("=") for item in rest[:-1].split(",")) if rest else {}
    return choose({name: {k: float(v) for k, v in given.items()}}, SCORERS, "scorer").parameters


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("label", sorted(DETECTORS))
def test_is_pytorch_ood_before_the_pooling(label, architecture):
    made = networks(architecture)
    network = made.network
    theirs = DETECTORS[label](
        lambda images: network.forward_features(images).contiguous(),
        lambda maps: made.classifier(network.forward_head(maps)),
    )
    train = torch.from_numpy(made.train.inputs), torch.from_numpy(made.train.labels)
    with torch.no_grad():
        if theirs.requires_fit and getattr(theirs, "threshold", None) is None:
            theirs.fit([train])
        expected = -theirs.predict(torch.from_numpy(made.test.inputs)).numpy()
    scorer = scorer_of(label)
    scores = scorer.score(scorer.fit(made.train, None), made.test)
    assert np.isfinite(expected).all()
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(scores, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("architecture", ARCHITECTURES[:3])
def test_the_last_map_is_what_the_pooling_is_given(architecture):
    made, given = networks(architecture), []
    hook = made.network.global_pool.register_forward_pre_hook(lambda _, args: given.append(args))
    with torch.no_grad():
        made.network(torch.from_numpy(made.test.inputs))
    hook.remove()
    maps = made.test.network.final_map(made.test.inputs)
    np.testing.assert_allclose(maps, given[0][0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_map_that_is_not_changed_gives_the_logits_of_the_bank(architecture):
    bank = networks(architecture).test
    features, logits = bank.network.from_final_map(bank.network.final_map(bank.inputs))
    np.testing.assert_allclose(features, bank.features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits, bank.logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["ash_s", "scale", "vra", "react"])
def test_the_pooled_form_is_another_number_and_needs_no_network(name):
    made = networks("test_resnet")
    maps, pooled = (SCORERS[f"{name}{form}@pytorch_ood"]() for form in ("", "_pooled"))
    assert maps.pooled_form == f"{name}_pooled@pytorch_ood"
    shaped = maps.score(maps.fit(made.train, None), made.test)
    alone = [FeatureBank(b.features, b.labels, b.logits) for b in (made.train, made.test)]
    found = pooled.score(pooled.fit(alone[0], made.checkpoint.head), alone[1])
    assert np.abs(found - shaped).max() > 1e-3 * np.ptp(shaped)
    with pytest.raises(InputError, match="needs the network"):
        maps.fit(alone[0], None)


@pytest.mark.parametrize("name", sorted(n for n in SCORERS if SCORERS[n].pooled_form))
def test_a_network_that_pools_no_map_has_no_such_score(name):
    made = networks("test_vit", image_size=32)
    with pytest.raises(Undefined, match="pooled from tokens"):
        SCORERS[name]().fit(made.train, None)


def test_the_pooled_forms_are_in_the_catalogue_and_need_no_network():
    forms = {kind.pooled_form for kind in SCORERS.values()} - {None}
    assert forms == {"ash_p"} | {
        f"{name}_pooled@pytorch_ood" for name in ("ash_s", "scale", "vra", "react")
    }
    assert not any("network" in SCORERS[name].needs for name in forms)


def test_maps_of_another_shape_are_refused():
    made = networks("test_resnet")
    scorer = SCORERS["vra@pytorch_ood"]()
    state = scorer.fit(made.train, None)
    with pytest.raises(InputError, match="one representation"):
        scorer.score(state, networks("test_resnet", image_size=96).test)


def test_a_threshold_and_a_quantile_are_not_both_taken():
    with pytest.raises(InputError, match="either threshold or quantile"):
        SCORERS["react@pytorch_ood"](threshold=0.5, quantile=0.9)
