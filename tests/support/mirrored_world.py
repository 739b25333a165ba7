"""A small world to mirror: a results database and a store with tiny checkpoints and curves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import CursorResult, Float, Insert, Integer, String, Table, update

from mood_sweeps.identity import key_of
from mood_sweeps.results import schema
from mood_sweeps.results.database import Database
from mood_sweeps.results.outbox import Outbox, Subject, enqueue
from mood_sweeps.store import Origin, Ref, Store
from mood_sweeps.store.codecs import save_arrays
from mood_sweeps.tracking.mlflow_mirror import Mirror

NOW = "2026-11-21T09:30:00+00:00"


def insert(table: Table) -> Insert:
    """An insert with some value for columns that the mirror does not read."""
    filler = {String: "", Integer: 0, Float: 0.0}
    missing = {
        column.name: next(v for kind, v in filler.items() if isinstance(column.type, kind))
        for column in table.columns
        if not column.nullable and not column.primary_key
    }
    return table.insert().values(missing)


def _number(added: CursorResult[Any]) -> int:
    """The number of the row that was added."""
    assert added.inserted_primary_key is not None
    return int(added.inserted_primary_key[0])


@dataclass
class World:
    """A database and a store, with helpers that write what a launch would write."""

    root: Path
    database: Database = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.database = Database(f"sqlite:///{self.root}/results.db")
        self.database.prepare()
        self.store = Store(self.root / "store")
        self.store.prepare()

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.database)

    def launch(self, sweep: str = "digits", n_cells: int = 4) -> int:
        with self.database.writing() as connection:
            added = connection.execute(
                insert(schema.revisions).values(
                    sweep=sweep,
                    digest=key_of([sweep, n_cells]),
                    yaml=f"name: {sweep}\n",
                    n_cells=n_cells,
                    created_at=NOW,
                )
            )
            revision = _number(added)
        self.revision, self.sweep = revision, sweep
        return self.relaunch()

    def relaunch(self) -> int:
        """Write another launch of the same revision."""
        with self.database.writing() as connection:
            added = connection.execute(
                insert(schema.launches).values(
                    revision=self.revision,
                    executor="inline",
                    host="box",
                    pid=1,
                    plan="2 stages to run",
                    calls_planned=2,
                    started_at=NOW,
                )
            )
            launch = _number(added)
            enqueue(connection, self.sweep, Subject.of_launch(launch), "started")
        return launch

    def end(self, launch: int, outcome: str = "done") -> None:
        with self.database.writing() as connection:
            connection.execute(
                update(schema.launches)
                .where(schema.launches.c.id == launch)
                .values(ended_at="2026-11-21T09:40:00+00:00", outcome=outcome)
            )
            enqueue(connection, self.sweep, Subject.of_launch(launch), "ended")

    def checkpoint(
        self, seed: int = 0, epochs: int = 5, size: int = 8, doubts: tuple[str, ...] = ()
    ) -> str:
        """Publish a pretrained and a fine-tuned checkpoint; return the latter's key."""
        choice = {"name": "mim", "version": 1, "parameters": {"epochs": epochs}}
        content = {
            "kind": "pretrain",
            "version": 1,
            "pretext": choice,
            "backbone": {"name": "vit_nano", "version": 1},
            "seed": seed,
        }
        pretrained = self._publish("pretrain", content, ["loss"], epochs, size)
        content = {
            "kind": "finetune",
            "version": 1,
            "stage": {"name": "ft", "version": 1},
            "checkpoint": pretrained,
            "seed": seed,
        }
        return self._publish("finetune", content, ["loss", "accuracy"], epochs, size, doubts)

    def _publish(
        self,
        kind: str,
        content: dict[str, Any],
        curves: list[str],
        epochs: int,
        size: int,
        doubts: tuple[str, ...] = (),
    ) -> str:
        key = key_of(content)

        def write(folder: Path) -> None:
            weights = np.random.default_rng(int(key[:8], 16)).normal(size=size)
            save_arrays({"weight": weights}, folder / "model.safetensors")
            save_arrays({"W": weights}, folder / "head.safetensors")
            (folder / "checkpoint.json").write_text('{"pooling": "mean"}')
            points = [{"epoch": e, **dict.fromkeys(curves, 1 / (e + 1))} for e in range(epochs)]
            (folder / "curves.json").write_text(json.dumps(points))

        origin = Origin(content, {}, {})
        self.store.publish(Ref(kind, key), write, origin, None, seconds=3.0, doubts=doubts)
        return key

    def representation(self, key: str, content: str = "made") -> None:
        with self.database.writing() as connection:
            subject = Subject.of_representation(key, "digits:0-5")
            enqueue(connection, self.sweep, subject, content)

    def planned(
        self,
        key: str,
        scorers: Iterable[str],
        ood: str = "digits:6-9",
        distance: str = "near",
        seed: int = 0,
    ) -> dict[str, str]:
        """Write cells; return the evaluation key of each scorer's."""
        keys = {scorer: key_of([key, scorer, ood]) for scorer in scorers}
        with self.database.writing() as connection:
            for scorer, evaluation_key in keys.items():
                connection.execute(
                    insert(schema.cells).values(
                        revision=self.revision,
                        cell_key=key_of([evaluation_key, "cell"]),
                        pretext="mim",
                        backbone="vit_nano",
                        finetune="pt+ft",
                        scorer=scorer,
                        id_set="digits:0-5",
                        ood_set=ood,
                        distance=distance,
                        seed=seed,
                        evaluation_key=evaluation_key,
                        representation_key=key,
                    )
                )
        return keys

    def scored(
        self,
        key: str,
        scorers: dict[str, float | None],
        ood: str = "digits:6-9",
        distance: str = "near",
        seed: int = 0,
    ) -> None:
        """Write cells and evaluations, AUROC given by scorer, and enqueue the pair."""
        keys = self.planned(key, scorers, ood, distance, seed)
        with self.database.writing() as connection:
            for scorer, evaluation_key in keys.items():
                auroc = scorers[scorer]
                connection.execute(
                    insert(schema.evaluations).values(
                        evaluation_key=evaluation_key,
                        auroc=auroc,
                        fpr95=None if auroc is None else 1 - auroc,
                        aupr_in=auroc,
                        aupr_out=auroc,
                        id_accuracy=0.97,
                        id_accuracy_from="head",
                        n_id=100,
                        n_ood=200,
                        reason="no spread" if auroc is None else None,
                        seconds=0.5,
                        created_at=NOW,
                    )
                )
            content = key_of(sorted(keys.values()))
            subject = Subject.of_pair(key, "digits:0-5", ood)
            enqueue(connection, self.sweep, subject, content)

    def mirror(self, uri: str, **options: Any) -> Mirror:
        return Mirror(self.database, self.store, uri, self.root / "mlartifacts", **options)
