from __future__ import annotations

import socket
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from mood_sweeps.engine.executors.ray.call_in_flight import CallInFlight
from mood_sweeps.engine.executors.ray.executor import RayExecutor
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.engine.executors.ray.worker_pool import Actor, Pool
from mood_sweeps.engine.executors.ray.worker_shapes import Shape
from mood_sweeps.errors import InputError
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.store import Store
from tests.support.scripted_executor import call


def built(folder: Path, settings: RaySettings = RaySettings()) -> RayExecutor:  # noqa: B008
    return RayExecutor(Store(folder / "store"), WorkerSettings(), settings)


def until_it_fails(executor: RayExecutor) -> None:
    for _ in range(100):
        assert executor.wait(0.1) == []


def test_what_kept_ray_from_starting_comes_out_of_waiting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    executor = built(tmp_path, RaySettings(address=f"127.0.0.1:{port}"))
    executor.start()
    with pytest.raises(InputError, match="no Ray cluster answers"):
        until_it_fails(executor)
    executor.close()


def test_an_import_of_ray_that_fails_is_no_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("raise ImportError('half installed')\n")
    monkeypatch.syspath_prepend(tmp_path)
    executor = built(tmp_path)
    executor.start()
    with pytest.raises(ImportError, match="half installed"):
        until_it_fails(executor)
    executor.close()


def test_who_never_heard_from_its_leader_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    pool = Pool(Shape(1, 0, 2, imports_torch=True), 2, [Actor("a", None), Actor("b", None)])
    attempt = CallInFlight(call("c"), pool, dict(zip(("lead", "assist"), pool.actors, strict=True)))
    gone = ray.exceptions.ActorDiedError()
    of_leader = ray.exceptions.RayTaskError("assist", "", gone).as_instanceof_cause()
    executor = built(tmp_path)
    for reference, error, left in (("assist", of_leader, "ab"), ("lead", gone, "b")):
        monkeypatch.setattr(ray, "get", Mock(side_effect=error))
        monkeypatch.setattr(ray, "kill", Mock())
        assert executor._collect(reference, attempt).verdict == "worker lost"
        assert "".join(actor.handle for actor in pool.actors) == left
