"""What a call does on a worker, by its kind: look again, do what is missing, publish."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mood_sweeps.bank import FeatureBank, Ints
from mood_sweeps.engine.environment import environment
from mood_sweeps.engine.outcome import CellFailure, Made, Outcome, made_of
from mood_sweeps.errors import one_line, plain
from mood_sweeps.jobs.build_ensemble import join_banks, join_heads
from mood_sweeps.jobs.import_features import import_external, read_external_files
from mood_sweeps.jobs.score_and_evaluate import Banks, BankScoring, Scored
from mood_sweeps.jobs.score_objects import (
    completed_rows,
    known_parts,
    score_ref,
    stored_rows,
    writer,
)
from mood_sweeps.jobs.weights_note import weights_note
from mood_sweeps.metrics import nearest_class_mean, predict
from mood_sweeps.note import doubt_about, joined
from mood_sweeps.planning.calls import (
    BuildEnsemble,
    Call,
    ExtractBanks,
    ImportFeatures,
    MakePicture,
    ScoreBanks,
    Train,
)
from mood_sweeps.planning.picture import Picture
from mood_sweeps.planning.plan import NEAREST_CLASS_MEAN
from mood_sweeps.planning.stage_inputs import EnsembleBank, EnsembleHead, ExternalBank, ExternalHead
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.scorer_runner import ScorerRunner, Stored
from mood_sweeps.store import Lease, Origin, Ref, Store
from mood_sweeps.store.codecs import load_bank, load_head, save_bank, save_head, save_picture

if TYPE_CHECKING:
    from mood_sweeps.jobs.data_parallel import WorkerRank
    from mood_sweeps.jobs.tuning_trials import Trials

__all__ = ["CallRunner", "RunTrials", "runs_networks"]

RunTrials = Callable[["Trials"], None]


@dataclasses.dataclass(frozen=True, eq=False)
class _Made:
    """What a stage made: writes it into a folder. measured, doubts: see ``Manifest``."""

    save: Callable[[Path], None]
    measured: Mapping[str, float] = dataclasses.field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def runs_networks(call: Call) -> bool:
    """Return whether images go through a network for its own sake, not a scorer's."""
    return isinstance(call.work, Train | ExtractBanks | MakePicture)


def _gpu_for(call: Call, scores_on_gpu: bool) -> str | None:
    """Return the name of the GPU that a call computes on, if there is one for its kind."""
    if not runs_networks(call) and not (scores_on_gpu and isinstance(call.work, ScoreBanks)):
        return None
    from mood_sweeps.jobs.device import own_gpu  # late for cost, see `run_call`

    return own_gpu()


def _nothing(_folder: Path) -> None:
    """Write no file: a headless ensemble's object is its manifest."""


class CallRunner:
    """One call being performed."""

    def __init__(
        self,
        call: Call,
        store: Store,
        lease: Lease,
        keep_every_s: float,
        runner: ScorerRunner,
        run_trials: RunTrials | None,
        worker_rank: WorkerRank | None,
        scores_on_gpu: bool,
    ) -> None:
        self._call = call
        self._runner = runner
        self._run_trials = run_trials
        self._worker_rank = worker_rank
        self._keep_every_s = keep_every_s
        self._store = store
        self._lease = lease
        self._gpu = _gpu_for(call, scores_on_gpu)
        self._environment = environment(self._gpu)

    def outcome(self) -> Outcome:
        """Do what the call asks for; return what came of it."""
        work = self._call.work
        if isinstance(work, ExtractBanks):
            return self._extract(work)
        if isinstance(work, ScoreBanks):
            return self._score(work)
        make: dict[type[Any], Callable[[Stage], _Made]] = {
            Train: self._train,
            ImportFeatures: self._copy,
            MakePicture: self._draw,
            BuildEnsemble: self._join,
        }
        return self._one_object(work.stage, make[type(work)])

    def _train(self, stage: Stage) -> _Made:
        from mood_sweeps.jobs.data_parallel import train_data_parallel
        from mood_sweeps.jobs.tuning_trials import train_or_tune  # late for cost, see `run_call`

        if self._worker_rank is not None:
            checkpoint = train_data_parallel(
                stage, self._store, self._lease, self._keep_every_s, self._worker_rank
            )
        else:
            checkpoint = train_or_tune(
                stage, self._store, self._lease, self._keep_every_s, self._run_trials
            )
        found = checkpoint.findings
        doubts = (doubt_about(stage.label, found),) if found else ()
        return _Made(checkpoint.save, checkpoint.measured, doubts)

    def _copy(self, stage: Stage) -> _Made:
        given = stage.work
        assert isinstance(given, ExternalBank | ExternalHead)
        found = read_external_files(given)
        return _Made(lambda folder: import_external(given, found, folder))

    def _draw(self, stage: Stage) -> _Made:
        from mood_sweeps.jobs.make_picture import make_picture  # late for cost, see `run_call`

        picture = stage.work
        assert isinstance(picture, Picture)
        arrays = make_picture(picture, self._store)
        return _Made(lambda folder: save_picture(arrays, picture.subject, picture.lines, folder))

    def _join(self, stage: Stage) -> _Made:
        work = stage.work
        assert isinstance(work, EnsembleHead | EnsembleBank)
        folders = [self._store.folder(ref) for ref in work.members]
        if isinstance(work, EnsembleBank):
            head = load_head(self._store.folder(work.ensemble))
            bank = join_banks([load_bank(folder) for folder in folders], head)
            return _Made(lambda folder: save_bank(bank, folder))
        joined = join_heads([load_head(folder) for folder in folders])
        return _Made(_nothing if joined is None else lambda folder: save_head(joined, folder))

    def _one_object(self, stage: Stage, make: Callable[[Stage], _Made]) -> Outcome:
        """Make the one object of a stage, unless it is there."""
        if self._store.has(stage.ref):
            return Outcome(self._call.key, "reused", made=(self._described(stage),))
        started = time.perf_counter()
        made = make(stage)
        seconds = time.perf_counter() - started
        manifest = self._store.publish(
            stage.ref,
            made.save,
            self._origin(stage),
            self._lease,
            seconds,
            measured=made.measured,
            doubts=(*self._doubts(stage.inputs), *made.doubts),
        )
        self._store.unfinished(stage.ref).discard()
        return Outcome(self._call.key, "done", made=(made_of(stage, manifest),))

    def _extract(self, work: ExtractBanks) -> Outcome:
        from mood_sweeps.jobs.extract_banks import extract_banks  # late for cost, see `run_call`

        missing = [stage for stage in work.stages if not self._store.has(stage.ref)]
        found = [self._described(stage) for stage in work.stages if stage not in missing]
        if not missing:
            return Outcome(self._call.key, "reused", made=tuple(found))
        made = []
        started = time.perf_counter()
        for stage, bank in extract_banks(work.checkpoint, missing, self._store):
            seconds = time.perf_counter() - started
            manifest = self._store.publish(
                stage.ref,
                lambda folder, bank=bank: save_bank(bank, folder),  # type: ignore[misc]
                self._origin(stage),
                self._lease,
                seconds,
                doubts=self._doubts(stage.inputs),
            )
            made.append(made_of(stage, manifest))
            started = time.perf_counter()
        return Outcome(self._call.key, "done", made=(*found, *made))

    def _score(self, work: ScoreBanks) -> Outcome:
        wanted = {evaluation.score_key for evaluation in work.evaluations}
        found = [row for row in stored_rows(self._store, work.group) if row["score_key"] in wanted]
        have = {row["score_key"] for row in found}
        rest = tuple(item for item in work.evaluations if item.score_key not in have)
        if not rest:
            return Outcome(self._call.key, "reused", evaluations=tuple(found))
        work = dataclasses.replace(work, evaluations=rest)
        banks = self._banks(work)
        known = known_parts(self._store, work.group)
        try:
            scored = BankScoring(work, banks, known, self._runner).run(
                "cpu" if self._gpu is None else "cuda"
            )
        finally:
            self._runner.forget()
        doubts = self._doubts(banks.features)
        weights = weights_note(self._store.folder(work.checkpoint))
        for row in scored.rows:
            row["reason"] = row["reason"] and plain(row["reason"])
            row["note"] = joined(*doubts, row["note"] and plain(row["note"]), weights)
        failures = tuple(
            CellFailure(keys, one_line(error), plain(text)) for keys, error, text in scored.failures
        )
        rows = self._publish_scores(work, banks, scored) if scored.rows else []
        return Outcome(self._call.key, "done", evaluations=(*found, *rows), failures=failures)

    def _publish_scores(
        self, work: ScoreBanks, banks: Banks, scored: Scored
    ) -> list[dict[str, object]]:
        origin = Origin(
            content={"kind": "score", "group": work.group},
            inputs={ref.key: self._store.manifest(ref).digest for ref in banks.features},
            environment=self._environment,
        )
        predictions = {ref.key: labels for ref, labels in banks.predictions.items()}
        manifest = self._store.publish(
            score_ref(work.group, scored),
            writer(scored, predictions),
            origin,
            self._lease,
            sum(row["seconds"] for row in scored.rows),
            provides={"fits": sorted(scored.states), "scores": sorted(scored.scores)},
        )
        return list(completed_rows(scored.rows, manifest))

    def _banks(self, work: ScoreBanks) -> Banks:
        def load(ref: Ref) -> FeatureBank:
            return load_bank(self._store.folder(ref))

        tested = dict.fromkeys((work.id_bank, *(item.ood_bank for item in work.evaluations)))
        learnt_from = (bank.ref for item in work.evaluations for bank in item.fit.banks)
        needed = dict.fromkeys((work.train_bank, *tested, *learnt_from))
        features = {ref: load(ref) for ref in needed}
        stored: dict[Ref, Stored] = {}
        if work.plugin is not None:
            stored = {ref: self._stored(ref, work) for ref in needed}
        elif work.extracted:
            from mood_sweeps.jobs.network_banks import with_network  # late for cost, see `run_call`

            features = with_network(features, work.extracted, work.checkpoint, self._store)
        train = features[work.train_bank]
        head = None
        if train.logits is not None:
            head = load_head(self._store.folder(work.checkpoint))

        def predicted(bank: FeatureBank) -> Ints | None:
            if work.predictions == "head":
                # Features that were given may not say how many classes there are.
                classes = len(work.id_classes) or None
                return predict(bank, head, classes) if bank.logits is not None else None
            if work.predictions == NEAREST_CLASS_MEAN:
                return nearest_class_mean(train, bank)
            return None

        predictions = {ref: predicted(features[ref]) for ref in tested}
        known = {ref: classes for ref, classes in predictions.items() if classes is not None}
        return Banks(features, head, known, stored)

    def _stored(self, ref: Ref, work: ScoreBanks) -> Stored:
        """Return where a plugin's process finds a bank, and its network if scorers ask for it."""
        folder = self._store.folder(ref)
        if ref not in work.extracted:
            return Stored(folder)
        extract = work.extracted[ref]
        source = {
            "checkpoint": str(self._store.folder(work.checkpoint)),
            "image_set": extract.image_set,
            "split": extract.split,
            "left_out": list(extract.left_out),
        }
        return Stored(folder, "mood_sweeps.jobs.network_banks:opened_with_network", source)

    def _origin(self, stage: Stage) -> Origin:
        return Origin(
            content=stage.content,
            inputs={ref.key: self._store.manifest(ref).digest for ref in stage.inputs},
            environment=self._environment,
            choices=stage.choices(),
        )

    def _doubts(self, inputs: Iterable[Ref]) -> tuple[str, ...]:
        """Return what is wrong with the trainings behind what a stage starts from."""
        found = (doubt for ref in inputs for doubt in self._store.manifest(ref).doubts)
        return tuple(dict.fromkeys(found))

    def _described(self, stage: Stage) -> Made:
        return made_of(stage, self._store.manifest(stage.ref))
