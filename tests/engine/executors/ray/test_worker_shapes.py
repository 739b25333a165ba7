from __future__ import annotations

import pytest

from mood_sweeps.engine.executors.ray.worker_shapes import shapes_for
from mood_sweeps.errors import InputError


def test_without_gpus_all_kinds_share_one_pool() -> None:
    shapes = shapes_for([{"CPU": 2.0}, {"CPU": 3.0}], 1.0, None)
    assert len(set(shapes.values())) == 1
    shape = shapes["score"]
    assert (shape.cpus, shape.gpus, shape.size, shape.imports_torch) == (1, 0, 5, True)


@pytest.mark.parametrize(("workers", "size"), [(None, 5), (2, 2), (9, 5)])
def test_workers_is_a_limit(workers: int | None, size: int) -> None:
    assert shapes_for([{"CPU": 5.0}], 1.0, workers)["score"].size == size


def test_a_worker_lives_on_one_node() -> None:
    """Two halves of a GPU that are left over on two nodes are no place for a worker."""
    shapes = shapes_for([{"CPU": 4.0, "GPU": 1.0}] * 2, 0.6, None)
    assert {shapes[kind].size for kind in ("pretrain", "extract", "picture")} == {2}
    assert shapes["score"].size == 6
    assert not shapes["score"].imports_torch


def test_thirds_of_a_gpu_are_three_workers() -> None:
    assert shapes_for([{"CPU": 8.0, "GPU": 1.0}], 1 / 3, None)["extract"].size == 3


def test_gpu_workers_score_where_they_take_every_cpu() -> None:
    shapes = shapes_for([{"CPU": 1.0, "GPU": 1.0}], 1.0, None)
    assert shapes["score"] is shapes["pretrain"]


def test_gpu_workers_score_where_they_are_asked_to() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}]
    shapes = shapes_for(nodes, 0.5, None, scores_on_gpus=True)
    assert set(shapes.values()) == {shapes["pretrain"]}
    assert (shapes["score"].gpus, shapes["score"].size) == (0.5, 4)
    with pytest.raises(InputError, match="no node has a GPU to score on"):
        shapes_for([{"CPU": 8.0}], 1.0, None, scores_on_gpus=True)


def test_nodes_without_cpus_take_no_worker() -> None:
    shapes = shapes_for([{"GPU": 4.0}, {"CPU": 1.0, "GPU": 4.0}], 1.0, None)
    assert shapes["pretrain"].size == 1


def test_a_share_that_no_node_has_is_bad_input() -> None:
    with pytest.raises(InputError, match="no node has 2 GPUs for one worker; the most is 1"):
        shapes_for([{"CPU": 4.0, "GPU": 1.0}] * 2, 2.0, None)
