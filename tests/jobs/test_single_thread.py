from __future__ import annotations

import json
import os
import subprocess
import sys

BETWEEN = """\
import json
import numpy
from threadpoolctl import threadpool_info
from mood_sweeps.jobs.single_thread import single_thread

def threads():
    return {library["filepath"]: library["num_threads"] for library in threadpool_info()}

with single_thread():
    first = threads()
import sklearn.cluster
with single_thread():
    second = threads()
print(json.dumps([first, second, threads()]))
"""


def test_a_library_imported_since_the_last_stage_is_limited_too() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", BETWEEN], env=environment, capture_output=True, text=True, check=True
    )
    first, second, after = json.loads(run.stdout)
    assert len(second) > len(first) > 0
    assert {*first.values(), *second.values()} == {1}
    assert set(after.values()) == {2}
