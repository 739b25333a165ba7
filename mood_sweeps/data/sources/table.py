"""Tables of images, CSV or Parquet: a column with paths, others with labels and splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, repeat
from pathlib import Path
from typing import Any, Literal

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.class_labels import ClassNames
from mood_sweeps.data.definition_fields import Parts
from mood_sweeps.data.listing import Listing, OnCorrupt
from mood_sweeps.data.sources.listed_files import ListedFiles
from mood_sweeps.data.splits import Fractions
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.identity import canonical

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """The images that tables name, with their paths under ``root``; one for each split, or one.

    image, label, split_column: names of columns; the last two may be empty: no labels, no splits.
    separator: between the columns of a CSV file.
    """

    form: Literal["csv", "parquet"]
    files: Parts
    root: Path
    image: str
    label: str = ""
    split_column: str = ""
    separator: str = ","
    class_names: ClassNames = ()
    split: Fractions = ()
    on_corrupt: OnCorrupt = "refuse"

    @property
    def content(self) -> str:
        """Canonical JSON of all but the paths."""
        return canonical(
            {
                self.form: [split for split, _ in self.files],
                "columns": [self.image, self.label, self.split_column],
                "class_names": self.class_names,
                "split": dict(self.split),
                "on_corrupt": self.on_corrupt,
            }
        )

    def list_images(self) -> Listing:
        """Return the images, sorted by path; InputError as `ListedFiles` says."""
        listed = ListedFiles(self.root)
        columns = [column for column in (self.image, self.label, self.split_column) if column]
        read = _read_csv if self.form == "csv" else _read_parquet
        for split, file in self.files:
            numbers = count(2 if self.form == "csv" else 1)
            for batch in read(file, columns, self.separator):
                images = batch[self.image]
                labels = batch[self.label] if self.label else repeat("")
                splits = batch[self.split_column] if self.split_column else repeat(split)
                rows = zip(images, labels, splits, numbers, strict=False)
                for image, label, of_split, number in rows:
                    where = f"{file}:{number}"
                    if not image:
                        listed.refuse(f"{where}: the column {self.image!r} is empty")
                    else:
                        listed.add(image.strip(), label.strip(), of_split, where)
        return listed.listing(self.class_names)


_Batch = dict[str, list[str]]


def _read_csv(file: Path, columns: list[str], separator: str) -> Iterator[_Batch]:
    from pyarrow import ArrowInvalid, csv, string  # late: few sweeps read tables

    parse = csv.ParseOptions(delimiter=separator)
    try:
        with csv.open_csv(file, parse_options=parse) as first:
            _require(file, columns, first.schema.names)
        convert = csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, string())
        )
        with csv.open_csv(file, parse_options=parse, convert_options=convert) as batches:
            for batch in batches:
                yield {column: batch[column].to_pylist() for column in columns}
    except ArrowInvalid as error:
        raise InputError(f"{file}: it cannot be read as CSV: {_short(error)}") from None


def _read_parquet(file: Path, columns: list[str], separator: str) -> Iterator[_Batch]:
    del separator
    from pyarrow import ArrowInvalid, ArrowNotImplementedError, compute, parquet, string  # late

    try:
        with parquet.ParquetFile(file) as table:
            _require(file, columns, table.schema_arrow.names)
            for batch in table.iter_batches(columns=columns):
                yield {
                    column: [text or "" for text in compute.cast(values, string()).to_pylist()]
                    for column, values in zip(batch.schema.names, batch.columns, strict=True)
                }
    except (ArrowInvalid, ArrowNotImplementedError, OSError) as error:
        raise InputError(f"{file}: it cannot be read as Parquet: {_short(error)}") from None


def _require(file: Path, columns: list[str], there: list[str]) -> None:
    problems = [
        Problem(f"{file} has no column {column!r}{did_you_mean(column, there)}")
        for column in columns
        if column not in there
    ]
    problems += [
        Problem(f"{file} has two columns {column!r}")
        for column in columns
        if there.count(column) > 1
    ]
    if problems:
        raise InputError(problems)


def _short(error: Any) -> str:
    return " ".join(str(error).split())[:200]
