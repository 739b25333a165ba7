"""Objects to publish, and processes that hold leases until they are told to go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mood_sweeps.identity import key_of
from mood_sweeps.store import Manifest, Origin, Ref, Store
from mood_sweeps.store.codecs import save_arrays

ORIGIN = Origin({"kind": "extract"}, {"a" * 64: "b" * 64}, {"class": "cpu"})
REF = Ref("extract", key_of("an object"))


def write(folder: Path) -> None:
    save_arrays({"features": np.arange(12.0).reshape(3, 4)}, folder / "bank.safetensors")
    (folder / "notes.json").write_text('{"a": 1}')


def publish(store: Store, ref: Ref = REF) -> Manifest:
    return store.publish(ref, write, ORIGIN, None, 1.5, provides={"fits": ["c" * 64]})


HOLDER = """\
import sys
from pathlib import Path
from mood_sweeps.store.leases import Leases
lease = Leases(Path(sys.argv[1])).acquire(sys.argv[2])
print(lease.token if lease else "refused", flush=True)
sys.stdin.read()
"""


@contextmanager
def other_holder(folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """Run another process that has acquired the lease and holds it until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() != "refused"
        try:
            yield process
        finally:
            process.kill()
