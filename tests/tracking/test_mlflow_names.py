from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.results.mlflow_records import RepresentationRecord
from mood_sweeps.tracking.mlflow_names import (
    flat,
    metric_safe,
    milliseconds,
    model_name,
    representation_name,
    shortened,
)


def shown(**changes: object) -> RepresentationRecord:
    values = {
        "key": "k",
        "id_set": "digits:0-5",
        "pretext": "mim",
        "backbone": "vit_nano",
        "finetune": "pt+ft",
        "seed": 0,
        "id_accuracy": None,
        "id_accuracy_from": None,
        "evaluated_at": None,
    }
    return RepresentationRecord(**{**values, **changes})


@pytest.mark.parametrize(
    ("label", "safe"),
    [
        ("msp", "msp"),
        ("knn(k=10)", "knn-k:10"),
        ("react(percentile=0.9, scale=1e-3)", "react-percentile:0.9-scale:1e-3"),
        ("vim@openood", "vim:openood"),
    ],
)
def test_scorer_labels_read_well_in_metric_names(label: str, safe: str) -> None:
    assert metric_safe(label) == safe


@given(st.text(min_size=1))
def test_any_label_becomes_a_name_that_mlflow_accepts(label: str) -> None:
    safe = metric_safe(label)
    # MLflow: letters, digits, _ - . space : / only, at most 250 long.
    assert re.fullmatch(r"[A-Za-z0-9_\-.:]+", safe)
    assert len(safe) < 200


def test_a_label_of_half_a_name_stays_whole_and_a_longer_one_ends_in_a_digest() -> None:
    assert metric_safe("x" * 125) == "x" * 125
    one, other = metric_safe("x" * 126), metric_safe("x" * 127)
    assert re.fullmatch(r"x{125}-[0-9a-f]{8}", one)
    assert re.fullmatch(r"x{125}-[0-9a-f]{8}", other)
    assert one != other


@given(st.sets(st.text(alphabet="aé ß_", min_size=1), min_size=2, max_size=2))
def test_labels_with_foreign_signs_stay_apart(labels: set[str]) -> None:
    one, other = labels
    assert metric_safe(one) != metric_safe(other)


def test_representation_and_model_names() -> None:
    assert representation_name(shown()) == "mim · vit_nano · pt+ft · seed 0 · digits:0-5"
    assert representation_name(shown(seed=None)) == "mim · vit_nano · pt+ft · digits:0-5"
    assert model_name(shown()) == "mim-vit_nano-pt+ft-seed0"
    awkward = model_name(shown(backbone="a/b:c.d%e'f\"g", seed=None))
    assert awkward == "mim-a_b_c_d_e_f_g-pt+ft"
    assert len(model_name(shown(backbone="x" * 500))) == 250


def test_parameters_are_flattened_by_choice() -> None:
    content = {
        "pretext": {"name": "mim", "version": 1, "parameters": {"target": "pixels", "ratio": 0.4}},
        "corpus": {"fingerprint": "abc", "split": "train"},
        "seed": 3,
    }
    assert flat(content, "pretrain") == {
        "pretrain.pretext": "mim",
        "pretrain.pretext.target": "pixels",
        "pretrain.pretext.ratio": "0.4",
        "pretrain.corpus.fingerprint": "abc",
        "pretrain.corpus.split": "train",
        "pretrain.seed": "3",
    }
    long = flat({"x" * 300: "y" * 9000}, "p")
    assert [(len(name), len(value)) for name, value in long.items()] == [(250, 6000)]


def test_shortened_keeps_what_fits() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "ab…"


@pytest.mark.parametrize(
    "iso", ["1970-01-01T00:00:01+00:00", "1970-01-01T00:00:01", "1970-01-01T01:00:01+01:00"]
)
def test_milliseconds_counts_from_1970_in_utc(iso: str) -> None:
    assert milliseconds(iso) == 1000
