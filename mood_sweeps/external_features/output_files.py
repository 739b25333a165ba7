"""What a run leaves in its folder: scores.parquet and metrics.csv, each whole or not at all.

Both are written aside and renamed when all is done; nothing else in the folder is touched.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mood_sweeps.errors import InputError, plain
from mood_sweeps.external_features.run_scorers import COLUMNS, Row
from mood_sweeps.scorers import Scores

__all__ = ["METRICS", "SCORES", "OutFolder", "unwritable"]

SCORES = "scores.parquet"
METRICS = "metrics.csv"

_SCHEMA = pa.schema(
    [("scorer", pa.string()), ("set", pa.string()), ("index", pa.int64()), ("score", pa.float64())]
)


def unwritable(folder: Path) -> str | None:
    """Return why nothing can be written to ``folder``, or None; creates nothing."""
    place = folder.absolute()
    while not place.exists() and not place.is_symlink():
        place = place.parent
    if not place.is_dir():
        return f"{place} is not a folder"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"no permission to write {place}"
    taken = [folder / name for name in (SCORES, METRICS) if (folder / name).is_dir()]
    return f"{taken[0]} is a folder" if taken else None


class OutFolder:
    """The two files while they are written. What is kept comes from one scorer at a time."""

    def __init__(self, folder: Path, scores: Path, writer: pq.ParquetWriter) -> None:
        self._folder = folder
        self._scores = scores
        self._writer = writer

    @classmethod
    @contextmanager
    def at(cls, folder: Path) -> Iterator[OutFolder]:
        """Make the folder where it is missing, and leave nothing aside at the end.

        Raises InputError where it cannot be written.
        """
        scores = _aside(folder, SCORES)
        new = not folder.exists()
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with pq.ParquetWriter(scores, _SCHEMA, compression="zstd") as writer:
                    yield cls(folder, scores, writer)
            finally:
                for name in (SCORES, METRICS):
                    _aside(folder, name).unlink(missing_ok=True)
                if new:
                    with suppress(OSError):  # it holds something
                        folder.rmdir()

    def keep(self, scorer: str, scores: Mapping[str, Scores]) -> None:
        """Write the scores of one scorer, by set."""
        for name, values in scores.items():
            n = len(values)
            columns = [
                _repeated(scorer, n),
                _repeated(name, n),
                _numbers(pa.int64(), np.arange(n)),
                _numbers(pa.float64(), values),
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the metrics and give both files their names, the old ones' place included."""
        self._writer.close()
        metrics = _aside(self._folder, METRICS)
        with metrics.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            table.writerows(map(_plain_cells, rows))
        self._scores.replace(self._folder / SCORES)
        metrics.replace(self._folder / METRICS)


def _aside(folder: Path, name: str) -> Path:
    return folder / f".{name}.{os.getpid()}.part"


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None


# Arrow's own conversions import pandas, a second that nothing here needs.


def _numbers(kind: pa.DataType, values: npt.NDArray[np.generic]) -> pa.Array:
    return pa.Array.from_buffers(
        kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))]
    )


def _plain_cells(row: Row) -> list[object]:
    return [plain(cell) if isinstance(cell, str) else cell for cell in astuple(row)]


def _repeated(text: str, n: int) -> pa.Array:
    raw = plain(text).encode()  # the name of a set may be that of a file, of any bytes
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(len(raw))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(raw * n)]
    return pa.Array.from_buffers(pa.string(), n, buffers)
