from __future__ import annotations

import math

import pytest

from mood_sweeps.engine.executors.inline import InlineSettings
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.errors import InputError
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.launching.launch_options import Options


def test_an_executor_name_means_its_default_settings() -> None:
    assert Options("inline").executor_settings == InlineSettings()
    assert Options("ray").executor_settings == Options().executor_settings == RaySettings()
    with pytest.raises(InputError, match="unknown executor 'inlin'; did you mean 'inline'"):
        Options("inlin").problems()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (Options(RaySettings(workers=0)), "workers"),
        (Options(RaySettings(gpus_per_worker=math.nan)), "gpus_per_worker"),
        (Options(RaySettings(gpus_per_worker=0.5, workers_per_training=2)), "gpus_per_worker"),
        (Options(RaySettings(workers_per_training=0)), "workers_per_training"),
        (Options(worker=WorkerSettings(keep_every_s=-1.0)), "keep_every_s"),
        (Options(worker=WorkerSettings(plugin_timeout_s=math.nan)), "plugin_timeout_s"),
        (Options(worker=WorkerSettings(debug=True)), "debug"),
        (Options(max_failures=0), "max_failures"),
        (Options(mlflow_wait_s=math.nan), "mlflow_wait_s"),
    ],
)
def test_a_setting_out_of_range_is_a_problem_with_its_name(options: Options, name: str) -> None:
    (problem,) = options.problems()
    assert problem.message.startswith(f"{name} is ")


def test_all_problems_are_returned_at_once() -> None:
    options = Options(RaySettings(workers=0), WorkerSettings(keep_every_s=-1.0), max_failures=0)
    assert len(options.problems()) == 3
    assert Options(InlineSettings(), WorkerSettings(debug=True)).problems() == []
