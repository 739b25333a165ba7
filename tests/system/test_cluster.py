"""A Ray cluster of three nodes on this machine: the same numbers, whatever happens to its nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

STORE_BYTES = 80 * 1024 * 1024


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return a cluster: a head with one CPU, two nodes with one CPU and what passes for a GPU.

    The tests use it up: the first takes a node away, the last its head.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_enable_metrics_collection", "0")
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        for _ in range(2):
            cluster.add_node(num_gpus=1, **node)
        yield cluster
        cluster.shutdown()


def workers_of(node: Any, doing: str = "") -> list[psutil.Process]:
    """Return the processes of our actors on a node."""
    (raylet,) = node.all_processes["raylet"]
    name = f"ray::Worker.{doing}"
    try:
        children = psutil.Process(raylet.process.pid).children()
        return [child for child in children if child.cmdline()[0].startswith(name)]
    except (psutil.NoSuchProcess, IndexError):
        return []


def test_a_node_that_goes_costs_only_what_it_was_running(
    folder: Path, undisturbed: Facts, cluster: Any
) -> None:
    facts = Facts(folder / ".mood")
    arguments = ("launch", "small.yaml", "--address", cluster.address)
    with Driven(folder, *arguments) as driven:
        # The driver is attached to the head; of the others one goes while it trains.
        others = sorted(cluster.worker_nodes, key=lambda node: node.node_id)
        driven.until(
            lambda: any(workers_of(node, "run_call") for node in others), "a node is at work"
        )
        gone = next(node for node in others if workers_of(node, "run_call"))
        cluster.remove_node(gone, allow_graceful=False)
        assert driven.wait() == 0, driven.output
    assert facts.numbers() == undisturbed.numbers()
    assert facts.digests() == undisturbed.digests()
    assert facts.done_more_than_once() == []
    outcomes = facts.outcomes()
    assert outcomes["worker lost"] <= 1
    assert set(outcomes) <= {"done", "worker lost", "reused"}
    # A lost worker may have published without reporting it.
    assert outcomes["reused"] <= outcomes["worker lost"]
    # The GPUs of this test are made of air: no environment may claim one.
    classes = {name for (name,) in facts.rows("select distinct environment from stages")}
    assert all(name.startswith("cpu ") for name in classes)
    assert facts.left_overs(after_kill=True) == []
    assert [workers_of(node) for node in [cluster.head_node, *cluster.worker_nodes]] == [[], []]


def test_a_cluster_that_dies_or_is_another_version_is_said_in_a_line(
    folder: Path, undisturbed: Facts, cluster: Any
) -> None:
    facts = Facts(folder / ".mood")
    arguments = ("launch", "small.yaml", "--no-mlflow", "--address", cluster.address)
    with another_version(cluster.address, "2.0.0"):
        code, output = mood_sweep(folder, *arguments)
    assert code == 2, output
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "Version mismatch" in line
    assert "2.0.0" in line
    assert "Traceback" not in output
    assert facts.count("attempts") == 0
    assert facts.rows("select outcome from launches") == [("failed",)]

    with Driven(folder, *arguments) as driven:
        driven.until(lambda: facts.count("evaluations"), "the first row")
        for node in [cluster.head_node, *cluster.worker_nodes]:
            node.kill_all_processes(check_alive=False, allow_graceful=False)
        assert driven.wait() == 1, driven.output
        assert f"the Ray cluster at {cluster.address} is gone" in driven.output
        assert "Traceback" not in driven.output
    assert facts.rows("select outcome from launches order by id")[-1] == ("failed",)
    kept = facts.count("evaluations")
    assert 0 < kept < len(undisturbed.numbers())

    code, output = mood_sweep(folder, "launch", "small.yaml", "--no-mlflow", "--executor", "inline")
    assert code == 0, output
    assert facts.numbers() == undisturbed.numbers()
    assert facts.done_more_than_once() == []


@contextmanager
def another_version(address: str, version: str) -> Iterator[None]:
    """Make a cluster say, inside the block, that it was started by another Ray."""
    from ray._private.ray_constants import KV_NAMESPACE_CLUSTER
    from ray._raylet import GcsClient

    client = GcsClient(address=address)
    before = client.internal_kv_get(b"CLUSTER_METADATA", KV_NAMESPACE_CLUSTER)
    other = json.dumps({**json.loads(before), "ray_version": version}).encode()
    client.internal_kv_put(b"CLUSTER_METADATA", other, True, KV_NAMESPACE_CLUSTER)
    yield
    client.internal_kv_put(b"CLUSTER_METADATA", before, True, KV_NAMESPACE_CLUSTER)
