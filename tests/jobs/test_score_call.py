from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import Choice
from mood_sweeps.data.planned_set import PlannedSet
from mood_sweeps.errors import Undefined
from mood_sweeps.experiment.sweep import Selected
from mood_sweeps.identity import key_of
from mood_sweeps.jobs.score_call import Banks, Known, Scored, score_call
from mood_sweeps.jobs.score_objects import (
    completed_rows,
    group_refs,
    known_parts,
    score_ref,
    stored_rows,
    writer,
)
from mood_sweeps.metrics import auroc
from mood_sweeps.planning.calls import EvaluationRequest, Scoring
from mood_sweeps.planning.fits import Fit, Selection, scores_key
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.scorers.numeric import torch_device
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.torch_device import TorchDevice
from mood_sweeps.store import Origin, Ref, Store

CALLS: Counter[str] = Counter()


@dataclass(frozen=True)
class Distance:
    """Minus the distance from the train mean; counts how often it is asked."""

    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()

    name: str = "plain"
    breaks_at: str = ""
    error: type[Exception] = ValueError
    state: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: FeatureBank, head: Head | None) -> dict[str, Any]:
        del head
        CALLS[f"{self.name} fit"] += 1
        if self.breaks_at == "fit":
            raise self.error("no fit")
        return {"mean": train.features.mean(axis=0), "power": 2.0, **self.state}

    def score(self, state: Mapping[str, Any], bank: FeatureBank) -> Any:
        CALLS[f"{self.name} score"] += 1
        if self.breaks_at == str(len(bank)):
            raise self.error(f"no score for {len(bank)}")
        if self.breaks_at == "shape":
            return np.zeros((len(bank), 2))
        if self.breaks_at == "nan":
            return np.full(len(bank), np.nan)
        return -(np.abs(bank.features - state["mean"]) ** state["power"]).sum(axis=1)


NAMES = ("train", "id", "near", "far", "id val", "ood val")
TRAIN, ID, NEAR, FAR, ID_VAL, OOD_VAL = (Ref("extract", name) for name in NAMES)
DIGESTS = {name: f"digest of {name}" for name in NAMES}


def bank(n: int, shift: float, seed: int) -> FeatureBank:
    rng = np.random.default_rng(seed)
    features = rng.normal(shift, 1, (n, 4)).astype(np.float32)
    return FeatureBank(features, rng.integers(0, 2, n))


BANKS = Banks(
    features={
        TRAIN: bank(50, 0, 0),
        ID: bank(40, 0, 1),
        NEAR: bank(30, 0.5, 2),
        FAR: bank(20, 3, 3),
        ID_VAL: bank(35, 0, 4),
        OOD_VAL: bank(25, 0.5, 5),
    },
    head=None,
    predictions={
        ID: np.zeros(40, dtype=np.int64),
        NEAR: np.zeros(30, dtype=np.int64),
        FAR: np.ones(20, dtype=np.int64),
    },
)


def stage_of(ref: Ref) -> Stage:
    return Stage(
        ref, {}, Extract(Ref("pretrain", "c"), PlannedSet(ref.key, "0"), "all"), (), ref.key, "m"
    )


STAGES = {ref: stage_of(ref) for ref in BANKS.features}


def fit_of(scorer: Distance, bank: Ref = TRAIN, note: str = "") -> Fit:
    return Fit(f"{scorer.name}-fit", Choice("distance", scorer), STAGES[bank], note)


def scores(scorer: Distance, bank: Ref) -> str:
    return scores_key(f"{scorer.name}-fit", bank.key)


def evaluations(fit: Fit | Selection, name: str) -> list[EvaluationRequest]:
    return [
        EvaluationRequest(
            fit=fit,
            evaluation_key=f"{name}-{ref.key}-number",
            ood_bank=ref,
            ood_classes=("c0", "c1"),
        )
        for ref in (NEAR, FAR)
    ]


def scored(*scorers: Distance, known: Known | None = None) -> Scored:
    fits = {scorer.name: fit_of(scorer) for scorer in scorers}
    return scored_fits(fits, known)


def scored_fits(fits: Mapping[str, Fit | Selection], known: Known | None = None) -> Scored:
    CALLS.clear()
    items = tuple(item for name, fit in fits.items() for item in evaluations(fit, name))
    work = Scoring("group", Ref("pretrain", "c"), TRAIN, ID, ("a", "b"), "head", items)
    return score_call(work, BANKS, known or Known(), ScorerRunner())


def by_key(made: Scored) -> dict[str, dict[str, Any]]:
    return {row["evaluation_key"]: row for row in made.rows}


def test_scorers_run_on_the_device_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asking(Distance):
        def fit(self, train: FeatureBank, head: Head | None) -> dict[str, Any]:
            CALLS[f"fit on {device().name}"] += 1
            return super().fit(train, head)

        def score(self, state: Mapping[str, Any], bank: FeatureBank) -> Any:
            CALLS[f"score on {device().name}"] += 1
            return super().score(state, bank)

    monkeypatch.setattr(torch_device, "cuda", lambda: TorchDevice("cpu"))
    CALLS.clear()
    items = tuple(evaluations(fit_of(Asking()), "plain"))
    work = Scoring("group", Ref("pretrain", "c"), TRAIN, ID, ("a", "b"), "head", items)
    assert score_call(work, BANKS, Known(), ScorerRunner(), "cuda").failures == {}
    assert CALLS["fit on torch on cpu"] == 1
    assert CALLS["score on torch on cpu"] == 3
    assert score_call(work, BANKS, Known(), ScorerRunner()).failures == {}
    assert CALLS["fit on cpu"] == 1


def test_each_fit_and_each_bank_is_done_once() -> None:
    made = scored(Distance())
    assert CALLS == {"plain fit": 1, "plain score": 3}
    assert set(made.scores) == {scores(Distance(), ref) for ref in (ID, NEAR, FAR)}
    assert made.failures == {}
    near, far = made.rows
    mean = BANKS.features[TRAIN].features.mean(axis=0)
    expected = {
        ref: -((np.abs(BANKS.features[ref].features - mean) ** 2.0).sum(axis=1))
        for ref in (ID, NEAR, FAR)
    }
    assert near["auroc"] == pytest.approx(auroc(expected[ID], expected[NEAR]))
    assert far["auroc"] > near["auroc"]
    assert (near["n_id"], near["n_ood"], far["n_ood"]) == (40, 30, 20)
    assert near["id_accuracy"] == np.mean(BANKS.features[ID].labels == 0)
    assert near["seconds"] > 0
    assert near["reason"] is near["note"] is None
    assert near["oscr"] <= near["id_accuracy"]
    assert near["ccr_at_fpr05"] <= near["id_accuracy"]
    assert 0 <= near["detection_error"] <= 0.5
    assert 0 < near["autc"] < 0.5


@pytest.mark.parametrize(
    ("id_bank", "predicted", "said"),
    [
        (BANKS.features[ID], {}, "nothing predicts the ID classes"),
        (
            dataclasses.replace(BANKS.features[ID], labels=np.zeros(0, dtype=np.int64)),
            BANKS.predictions,
            "the labels of the ID test set are unknown",
        ),
    ],
    ids=["no predictions", "no labels"],
)
def test_a_row_without_accuracy_says_why(
    id_bank: FeatureBank, predicted: Mapping[Ref, Any], said: str
) -> None:
    banks = Banks({**BANKS.features, ID: id_bank}, None, dict(predicted))
    items = tuple(evaluations(fit_of(Distance()), "plain"))
    work = Scoring("group", Ref("pretrain", "c"), TRAIN, ID, ("a", "b"), "head", items)
    for row in score_call(work, banks, Known(), ScorerRunner()).rows:
        assert row["id_accuracy"] is row["oscr"] is row["ccr_at_fpr05"] is None
        assert row["auroc"] is not None
        assert f"no ID accuracy, OSCR and CCR: {said}" in row["note"].split("; ")


def test_the_confusion_counts_accepted_images_by_class() -> None:
    near = by_key(scored(Distance()))["plain-near-number"]
    table = near["confusion"]
    assert table["id_classes"] == ["a", "b"]
    assert table["n_ood_class"] == np.bincount(BANKS.features[NEAR].labels).tolist()
    accepted = np.array(table["accepted"])
    assert accepted[:, 1].sum() == 0  # all were predicted as class a
    assert accepted.sum() == pytest.approx(near["fpr95"] * 30)


@pytest.mark.parametrize(
    ("breaks_at", "lost", "text"),
    [
        ("fit", {"broken-near-number", "broken-far-number"}, "no fit"),
        ("40", {"broken-near-number", "broken-far-number"}, "no score for 40"),
        ("30", {"broken-near-number"}, "no score for 30"),
        ("20", {"broken-far-number"}, "no score for 20"),
    ],
)
def test_a_scorer_that_raises_loses_its_own_numbers_only(
    breaks_at: str, lost: set[str], text: str
) -> None:
    made = scored(Distance(), Distance("broken", breaks_at), Distance("other"))
    ((failure, keys),) = made.failures.items()
    assert set(keys) == lost
    assert failure.error == f"ValueError: {text}"
    assert "Traceback" in failure.traceback
    assert f"ValueError: {text}" in failure.traceback
    everything = {
        f"{name}-{ood}-number" for name in ("plain", "broken", "other") for ood in ("near", "far")
    }
    assert set(by_key(made)) == everything - lost
    assert CALLS["broken fit"] == 1  # what failed is not tried again for the next pair


def test_scores_of_a_wrong_shape_are_the_scorers_failure() -> None:
    made = scored(Distance(), Distance("broken", "shape"))
    assert all(
        "float64 (40,), not an array of shape (40, 2)" in failure.error for failure in made.failures
    )
    assert {key for keys in made.failures.values() for key in keys} == {
        "broken-near-number",
        "broken-far-number",
    }
    assert len(made.rows) == 2


@pytest.mark.parametrize("value", ["text", np.array([object()]), 1j, None])
def test_a_state_that_cannot_be_stored_is_the_scorers_failure(value: Any) -> None:
    made = scored(Distance(), Distance("broken", state={"odd": value}))
    ((failure, keys),) = made.failures.items()
    assert len(keys) == 2
    assert "'odd'" in failure.error
    assert len(made.rows) == 2


@pytest.mark.parametrize(
    ("breaks_at", "reason"), [("fit", "no fit"), ("nan", "40 of 40 ID scores")]
)
def test_what_has_no_defined_value_is_a_row_with_a_reason(breaks_at: str, reason: str) -> None:
    made = scored(Distance("odd", breaks_at, Undefined))
    assert made.failures == {}
    for row in made.rows:
        assert row["reason"].startswith(reason)
        assert "auroc" not in row
        assert row["confusion"] is None
        assert row["n_id"] == 40
    assert CALLS["odd fit"] == 1


def test_what_the_store_holds_is_not_made_again_and_gives_the_same_numbers(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = scored(Distance())
    origin = Origin({"kind": "score"}, DIGESTS, {"class": "cpu"})
    ref = score_ref("group", first)
    predictions = {ID.key: BANKS.predictions[ID]}
    provides = {"fits": sorted(first.states), "scores": sorted(first.scores)}
    manifest = store.publish(ref, writer(first, predictions), origin, None, 1.0, provides)

    assert group_refs(store, "group") == [ref]
    assert group_refs(store, "another group") == []
    known = known_parts(store, "group")
    again = scored(Distance(), known=known)
    assert sum(CALLS.values()) == 0
    assert again.states == again.scores == {}
    for row, before in zip(again.rows, first.rows, strict=True):
        assert {**row, "seconds": 0} == {**before, "seconds": 0}

    only_states = Known(states=known.states)
    third = scored(Distance(), known=only_states)
    assert CALLS == {"plain score": 3}
    for key, values in third.scores.items():
        np.testing.assert_array_equal(values, first.scores[key])

    rows = list(stored_rows(store, "group"))
    assert rows == list(completed_rows(first.rows, manifest))
    assert all(row["object_key"] == ref.key and row["environment"] == "cpu" for row in rows)
    for row, ood in zip(rows, ("near", "far"), strict=True):
        own = {name: DIGESTS[name] for name in ("train", "id", ood)}
        assert row["input_digest"] == key_of(own)


def test_rows_that_call_the_evaluations_key_score_key_are_read(tmp_path: Path) -> None:
    store, first = Store(tmp_path / "store"), scored(Distance())
    rows = [{**row, "score_key": row["evaluation_key"]} for row in first.rows]
    for row in rows:
        del row["evaluation_key"]
    older = dataclasses.replace(first, rows=rows)
    origin = Origin({"kind": "score"}, DIGESTS, {"class": "cpu"})
    manifest = store.publish(score_ref("group", first), writer(older, {}), origin, None, 1.0, {})
    assert list(stored_rows(store, "group")) == list(completed_rows(first.rows, manifest))


def test_an_objects_name_is_what_it_holds() -> None:
    assert score_ref("group", scored(Distance())) == score_ref("group", scored(Distance()))
    other = scored(Distance("other"))
    assert score_ref("group", scored(Distance())) != score_ref("group", other)
    assert score_ref("group", other) != score_ref("another", other)


def test_an_array_that_several_states_hold_is_stored_once(tmp_path: Path) -> None:
    train = BANKS.features[TRAIN].features
    wide = np.tile(train, (1, 1000))
    made = scored(*(Distance(f"d{n}", state={"wide": wide, "own": n}) for n in range(5)))
    folder = tmp_path / "object"
    folder.mkdir()
    writer(made, {})(folder)
    assert wide.nbytes < (folder / "states.safetensors").stat().st_size < 1.1 * wide.nbytes
    store = Store(tmp_path / "store")
    origin = Origin({}, {}, {"class": "cpu"})
    store.publish(score_ref("group", made), writer(made, {}), origin, None, 1.0)
    for n in range(5):
        state = known_parts(store, "group").states[f"d{n}-fit"]
        np.testing.assert_array_equal(state["wide"], wide)
        assert state["own"] == n


def test_a_scorer_without_a_state_is_known_to_be_fitted(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = scored(Distance())
    made.states["stateless-fit"] = {}
    origin = Origin({}, {}, {"class": "cpu"})
    provides = {"fits": sorted(made.states), "scores": sorted(made.scores)}
    store.publish(score_ref("group", made), writer(made, {}), origin, None, 1.0, provides)
    assert known_parts(store, "group").states["stateless-fit"] == {}


def test_a_scorer_learns_from_the_bank_of_its_fit_and_the_row_carries_the_note() -> None:
    made = scored_fits({"val": fit_of(Distance(), ID_VAL, note="an odd bank")})
    (state,) = made.states.values()
    np.testing.assert_array_equal(state["mean"], BANKS.features[ID_VAL].features.mean(axis=0))
    for row, ood in zip(made.rows, ("near", "far"), strict=True):
        assert row["note"] == "an odd bank"
        assert row["banks"] == ["train", "id", "id val", ood]


def selection(*scorers: Distance) -> Selection:
    fits = tuple(map(fit_of, scorers))
    choices = Selected(tuple(fit.scorer for fit in fits))
    return Selection("best", choices, fits, STAGES[ID_VAL], (STAGES[OOD_VAL],), "id/val + ood")


POWERS = tuple(Distance(f"power {power}", state={"power": power}) for power in (2.0, 0.0, 9.0))


def validated(scorer: Distance) -> float:
    mean, power = BANKS.features[TRAIN].features.mean(axis=0), scorer.state["power"]
    id_val, ood_val = (
        -(np.abs(BANKS.features[ref].features - mean) ** power).sum(axis=1)
        for ref in (ID_VAL, OOD_VAL)
    )
    return auroc(id_val, ood_val)


def test_settings_are_selected_on_the_validation_sets_alone() -> None:
    made = scored_fits({"best": selection(*POWERS), **{p.name: fit_of(p) for p in POWERS}})
    best = max(POWERS, key=validated)
    rows = by_key(made)
    for ood in ("near", "far"):
        row = rows[f"best-{ood}-number"]
        assert row["auroc"] == rows[f"{best.name}-{ood}-number"]["auroc"]
        assert f" on id/val + ood, mean AUROC {validated(best):.4f}; " in row["note"]
        assert "100% of the OOD scores are tied at one value" in row["note"]
        assert row["banks"] == ["train", "id", "id val", "ood val", ood]
    # Candidates that are cells of their own are fitted and scored once for both.
    assert all(CALLS[f"{power.name} fit"] == 1 for power in POWERS)
    assert all(CALLS[f"{power.name} score"] == 5 for power in POWERS)


def test_a_selection_from_the_store_is_the_same_without_a_fit() -> None:
    first = scored_fits({"best": selection(*POWERS)})
    again = scored_fits({"best": selection(*POWERS)}, Known(first.states, first.scores))
    assert sum(CALLS.values()) == 0
    for row, before in zip(again.rows, first.rows, strict=True):
        assert {**row, "seconds": 0} == {**before, "seconds": 0}


def test_of_equals_the_first_is_selected_and_undefined_candidates_are_none() -> None:
    undefined = Distance("undefined", "fit", Undefined)
    made = scored_fits({"best": selection(undefined, Distance("one"), Distance("two"))})
    assert CALLS["one score"] == 5
    assert CALLS["two score"] == 2  # on the validation sets only
    assert all("auroc" in row for row in made.rows)
    undecided = scored_fits({"best": selection(undefined)})
    for row in undecided.rows:
        assert row["reason"] == "no setting is defined on the validation sets: no fit"


def test_a_candidate_that_raises_is_the_failure_of_the_selection() -> None:
    made = scored_fits({"best": selection(Distance(), Distance("broken", "fit"))})
    ((failure, keys),) = made.failures.items()
    assert set(keys) == {"best-near-number", "best-far-number"}
    assert failure.error == "ValueError: no fit"


@dataclass(frozen=True)
class Telling(Distance):
    """Says what it learnt, and of how many it is asked."""

    says: tuple[Any, ...] = ()

    def notes(self, state: Mapping[str, Any], bank: FeatureBank) -> tuple[Any, ...]:
        CALLS[f"{self.name} notes"] += 1
        return (f"power {float(state['power']):g}", f"of {len(bank)}", *self.says)


def test_what_a_scorer_says_of_its_numbers_is_in_every_row_once() -> None:
    first = scored(Telling("telling"))
    near, far = first.rows
    assert near["note"] == "power 2; of 40; of 30"
    assert far["note"] == "power 2; of 40; of 20"
    again = scored(Telling("telling"), known=Known(first.states, first.scores))
    assert [row["note"] for row in again.rows] == [near["note"], far["note"]]
    assert CALLS["telling fit"] == CALLS["telling score"] == 0
    with_fit = scored_fits({"telling": fit_of(Telling("telling"), note="of 40; fitted elsewhere")})
    assert with_fit.rows[0]["note"] == "of 40; fitted elsewhere; power 2; of 30"


def test_notes_that_are_no_texts_are_the_scorers_failure() -> None:
    made = scored(Telling("telling", says=(7,)), Distance())
    assert len(made.rows) == 2
    ((failure, keys),) = made.failures.items()
    assert set(keys) == {"telling-near-number", "telling-far-number"}
    assert "notes() must return a tuple of texts" in failure.error


def test_average_precision_is_beside_the_trapezoid() -> None:
    (near, _) = scored(Distance("constant", state={"power": 0.0})).rows
    assert near["ap_in"] == pytest.approx(40 / 70)  # chance
    assert near["ap_out"] == pytest.approx(30 / 70)
    assert near["aupr_out"] == pytest.approx((1 + 30 / 70) / 2)
