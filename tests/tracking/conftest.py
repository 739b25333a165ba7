"""A small world to mirror: a results database and a store with tiny checkpoints and curves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, update

from mood_sweeps.identity import key_of
from mood_sweeps.results import schema
from mood_sweeps.results.database import Database
from mood_sweeps.results.outbox import LAUNCH, PAIR, REPRESENTATION, Outbox, enqueue
from mood_sweeps.store import Origin, Ref, Store
from mood_sweeps.store.codecs import save_arrays
from mood_sweeps.tracking.mirror import Mirror

NOW = "2026-11-21T09:30:00+00:00"


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
            revision = connection.execute(
                insert(schema.revisions).values(
                    sweep=sweep,
                    digest=key_of([sweep, n_cells]),
                    yaml=f"name: {sweep}\n",
                    n_cells=n_cells,
                    created_at=NOW,
                )
            ).inserted_primary_key[0]
            launch = connection.execute(
                insert(schema.launches).values(
                    revision=revision,
                    executor="inline",
                    host="box",
                    pid=1,
                    process_started=1.0,
                    boot="b",
                    plan="2 stages to run",
                    calls_planned=2,
                    started_at=NOW,
                )
            ).inserted_primary_key[0]
            enqueue(connection, LAUNCH, sweep, str(launch), "started")
        self.revision, self.sweep = revision, sweep
        return int(launch)

    def end(self, launch: int, outcome: str = "done") -> None:
        with self.database.writing() as connection:
            connection.execute(
                update(schema.launches)
                .where(schema.launches.c.id == launch)
                .values(ended_at="2026-11-21T09:40:00+00:00", outcome=outcome)
            )
            enqueue(connection, LAUNCH, self.sweep, str(launch), "ended")

    def checkpoint(self, seed: int = 0, epochs: int = 5, size: int = 8) -> str:
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
        return self._publish("finetune", content, ["loss", "accuracy"], epochs, size)

    def _publish(
        self, kind: str, content: dict[str, Any], curves: list[str], epochs: int, size: int
    ) -> str:
        key = key_of(content)

        def write(folder: Path) -> None:
            weights = np.random.default_rng(int(key[:8], 16)).normal(size=size)
            save_arrays({"weight": weights}, folder / "model.safetensors")
            save_arrays({"W": weights}, folder / "head.safetensors")
            (folder / "checkpoint.json").write_text('{"pooling": "mean"}')
            points = [{"epoch": e, **{n: 1 / (e + 1) for n in curves}} for e in range(epochs)]
            (folder / "curves.json").write_text(json.dumps(points))

        self.store.publish(Ref(kind, key), write, Origin(content, {}, {}), None, seconds=3.0)
        return key

    def representation(self, key: str, seed: int = 0, content: str = "made") -> None:
        with self.database.writing() as connection:
            enqueue(connection, REPRESENTATION, self.sweep, f"{key}|digits:0-5", content)
        self._seed = seed

    def scored(
        self,
        key: str,
        scorers: dict[str, float | None],
        ood: str = "digits:6-9",
        distance: str = "near",
        seed: int = 0,
        status: str = "planned",
    ) -> None:
        """Write cells and evaluations, AUROC given by scorer, and enqueue the pair."""
        keys = []
        with self.database.writing() as connection:
            for scorer, auroc in scorers.items():
                score_key = key_of([key, scorer, ood])
                keys.append(score_key)
                connection.execute(
                    insert(schema.cells).values(
                        revision=self.revision,
                        cell_key=key_of([score_key, "cell"]),
                        pretext="mim",
                        backbone="vit_nano",
                        finetune="pt+ft",
                        scorer=scorer,
                        id_set="digits:0-5",
                        ood_set=ood,
                        distance=distance,
                        seed=seed,
                        score_key=score_key,
                        representation_key=key,
                        status=status,
                    )
                )
                connection.execute(
                    insert(schema.evaluations).values(
                        score_key=score_key,
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
                        object_key=key_of("object"),
                        input_digest=key_of("digest"),
                        environment="test",
                        created_at=NOW,
                    )
                )
            enqueue(connection, PAIR, self.sweep, f"{key}|digits:0-5|{ood}", key_of(keys))

    def mirror(self, uri: str, **options: Any) -> Mirror:
        return Mirror(self.database, self.store, uri, self.root / "mlartifacts", **options)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "mood")
    yield made
    made.store.leases.close()
    made.database.close()


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One real MLflow store for the whole session: making one takes seconds.

    Tests keep apart by the name of their sweep, which is their experiment.
    """
    folder = tmp_path_factory.mktemp("mlflow")
    return f"sqlite:///{folder}/mlflow.db"
