"""Small sweeps on image sets that exist in name only: enough to plan, too little to train."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.data.image_set import ID_SPLITS, OOD_SPLITS, LabelledImages
from mood_sweeps.experiment import load_sweep
from mood_sweeps.experiment.catalogues import shipped
from mood_sweeps.experiment.sweep import Sweep
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.plan import Plan


@dataclass(frozen=True)
class NamedImages:
    """An image set with the digest of its name as fingerprint."""

    name: str

    @property
    def source(self) -> str:
        return self.name.partition(":")[0]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.name.partition(":")[2]) or (self.name,)

    @property
    def splits(self) -> tuple[str, ...]:
        return OOD_SPLITS if self.source == "ood" else ID_SPLITS

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def size(self, split: str) -> int:
        raise AssertionError(f"planning asked for the images of {self.name}/{split}")

    def open(self, split: str) -> LabelledImages:
        raise AssertionError(f"planning asked for the images of {self.name}/{split}")


def read(text: str, folder: Path) -> Sweep:
    """Return the sweep of a YAML text, its image sets `NamedImages`."""
    file = folder / "sweep.yaml"
    file.write_text(text)
    return load_sweep(file, catalogues=dataclasses.replace(shipped(), image_set=NamedImages))


def plan_of(text: str, folder: Path) -> Plan:
    """Return the plan of such a sweep."""
    return expand(read(text, folder), NamedImages)
